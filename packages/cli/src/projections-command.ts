import {
  openProjections,
  openRebuildTools,
  openSqlTools,
  type BuildProgress,
  type RebuildTools,
  type SqlTools,
} from '@tidemark/projections'
import type { ArgsDef } from 'citty'
import { PlainFailure, UsageError } from './errors.ts'
import { EXIT } from './exit-code.ts'
import type { Io } from './io.ts'
import { loadDomain } from './load-domain.ts'
import type { ProgressLine } from './progress-line.ts'
import { toCount, type Outcome, type StoreCommand, type StoreCommandContext } from './store-command.ts'

/** Which projection. */
export const TARGET_ARGS = {
  projection: {
    type: 'positional',
    required: true,
    description: 'projection, for example order-list, or sql:daily-orders',
  },
  lane: { type: 'string', description: 'only in this lane' },
} as const

/** How a build is done. */
export const BUILD_ARGS = {
  parts: { type: 'string', default: '1', description: 'key ranges that processes fold side by side' },
  share: { type: 'string', default: '100', description: 'most of its time that a process spends on it, in percent' },
  by: { type: 'string', description: 'who asks: kept with the build; default: the name of the account' },
  domain: {
    type: 'string',
    description: 'module that exports the domain, for this process to work on it, too; default: TIDEMARK_DOMAIN',
  },
  detach: { type: 'boolean', default: false, description: 'do not wait for it' },
} as const

export interface ProjectionsCommandContext<Args extends ArgsDef> extends StoreCommandContext<Args> {
  readonly tools: RebuildTools
  /** For those whose names begin with `sql:`. */
  readonly sqlTools: SqlTools
}

/** Each worker of this process needs connections for leases beside those it works on. */
const CONNECTIONS = 8

/** A `tidemark projections …` command. With `--domain`, this process works on builds for as long as it takes. */
export function projectionsCommand<const Args extends ArgsDef>(command: {
  readonly name: string
  readonly description: string
  readonly args: Args
  readonly run: (context: ProjectionsCommandContext<Args>) => Promise<Outcome>
}): StoreCommand<Args> {
  return {
    ...command,
    connections: CONNECTIONS,
    run: async (context) => {
      const { store, io } = context
      const sqlTools = openSqlTools(store)
      const named = (context.args as { readonly domain?: string }).domain ?? io.variables['TIDEMARK_DOMAIN']
      // Some only ask others to work: what they say needs no code.
      const given = 'domain' in command.args && named !== '' ? named : undefined
      if (given === undefined) return command.run({ ...context, tools: openRebuildTools(store), sqlTools })
      const projections = await openProjections({
        store,
        domain: await loadDomain(io, given),
        migrate: false,
        retires: false,
        onError: (error) => io.err(`${error instanceof Error ? error.message : String(error)}\n`),
      })
      projections.start()
      try {
        return await command.run({ ...context, tools: projections.rebuilds, sqlTools })
      } finally {
        await projections.close()
      }
    },
  }
}

export function toTarget(args: { readonly projection: string; readonly lane?: string | undefined }): {
  readonly projection: string
  readonly lane?: number
} {
  const { projection, lane } = args
  return { projection, ...(lane === undefined ? {} : { lane: toCount('lane', lane) }) }
}

export function isSql(projection: string): boolean {
  return projection.startsWith('sql:')
}

/** What is said of a SQL projection where a build is asked for. */
export function notBuiltSo(projection: string): Outcome {
  const text =
    `${projection} is a SQL projection, which is built by its app: raise its version, and the tables are filled anew beside the ` +
    'old ones, which go on; to go back, start the code of the old version. There is nothing to compare tables of the app with.'
  return { exit: EXIT.found, json: { kind: 'not-for-sql', projection }, text }
}

/** @throws UsageError */
export function toSettings(
  args: { readonly parts: string; readonly share: string; readonly by?: string | undefined },
  io: Io,
): { readonly principal: string; readonly parts: number; readonly share: number } {
  const parts = toCount('parts', args.parts, 1)
  const percent = toCount('share', args.share, 1)
  if (parts > 64) throw new UsageError(`--parts is ${parts}: at most 64 make sense.`)
  if (percent > 100) throw new UsageError(`--share is ${percent}: it is a percentage.`)
  return { principal: principalOf(args, io), parts, share: percent / 100 }
}

export function principalOf({ by }: { readonly by?: string | undefined }, { variables }: Io): string {
  return by ?? (variables['USER'] || variables['USERNAME'] || 'operator')
}

const LOOK_MS = 250

/** Shows builds until all of them are over, held or paused, or the person has seen enough (`undefined`). */
export async function watchBuilds(
  tools: RebuildTools,
  builds: readonly BuildProgress[],
  { io, progress }: { readonly io: Io; readonly progress: ProgressLine },
): Promise<readonly BuildProgress[] | undefined> {
  for (;;) {
    const found = await Promise.all(builds.map((build) => tools.progress(build)))
    const known = found.filter((build) => build !== undefined)
    // Its generation was taken for another build: somebody cancelled it.
    if (known.length < builds.length) throw new PlainFailure('The build is gone: somebody cancelled it.')
    if (known.every((build) => build.state !== 'running')) return known
    if (io.signal.aborted) return undefined
    progress.show(known.map(describeProgress).join('; '))
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
}

/** `orders@2 in lane 0: 62 %, 48,000 events/s, 8 s left`. */
export function describeProgress(build: BuildProgress): string {
  const { projection, version, lane, purpose, state, folded, goal, rate, etaSeconds } = build
  const what = `${purpose} of ${projection}@${version} in lane ${lane}`
  if (state !== 'running') return `${what}: ${state}${build.detail === null ? '' : `. ${build.detail}`}`
  const percent = goal === 0 ? 100 : Math.floor((100 * Math.min(folded, goal)) / goal)
  if (rate === 0) return `${what}: ${percent} %, waits for a worker that has this projection`
  const left = etaSeconds === null ? '' : `, ${etaSeconds} s left`
  return `${what}: ${percent} %, ${rate.toLocaleString('en')} events/s${left}`
}
