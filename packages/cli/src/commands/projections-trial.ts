import { openTrial, type BuildProgress, type Trial } from '@tidemark/projections'
import { openStore } from '@tidemark/store'
import { UsageError } from '../errors.ts'
import { EXIT } from '../exit-code.ts'
import type { Io } from '../io.ts'
import { loadDomain } from '../load-domain.ts'
import type { ProgressLine } from '../progress-line.ts'
import { BUILD_ARGS, describeProgress, TARGET_ARGS, toSettings } from '../projections-command.ts'
import type { Outcome, StoreCommand } from '../store-command.ts'
import { verifyRows } from './projections-build.ts'

const args = {
  projection: { type: 'positional', required: false, description: 'projection to verify; default: all' },
  lane: TARGET_ARGS.lane,
  on: { type: 'string', description: 'URL of a copy of the database that can be written to; needed' },
  domain: BUILD_ARGS.domain,
  parts: BUILD_ARGS.parts,
  share: BUILD_ARGS.share,
} as const

const CONNECTIONS = 8
const LOOK_MS = 250

/** `tidemark projections trial [PROJECTION] --on URL` */
export const projectionsTrialCommand: StoreCommand<typeof args> = {
  name: 'trial',
  description:
    'Build and verify rows on a copy of the database (CREATE DATABASE … TEMPLATE, a restored backup, a promoted replica) with ' +
    'the code of --domain. Nothing is written to the original.',
  args,
  async run({ args: given, store, storage, io, progress }) {
    const { on, domain } = given
    if (on === undefined || !/^postgres(?:ql)?:\/\//.test(on)) {
      throw new UsageError('On which copy? Name it: --on postgres://user:password@host:5432/copy')
    }
    const code = await loadDomain(io, domain)
    const copy = await openStore({
      url: on,
      applicationName: 'tidemark trial',
      migrate: false,
      connections: CONNECTIONS,
      hints: false,
      archive: storage,
    })
    try {
      const onError = (error: unknown): void => io.err(`${error instanceof Error ? error.message : String(error)}\n`)
      const opening = await openTrial({ original: store, copy, domain: code, onError })
      if (opening.kind === 'refused') {
        const { reason, detail } = opening
        return { exit: EXIT.found, json: { kind: 'refused', reason, detail }, text: detail }
      }
      const { trial } = opening
      try {
        return await tryOut(trial, {
          projection: given.projection,
          lane: given.lane,
          settings: toSettings(given, io),
          io,
          progress,
        })
      } finally {
        await trial.close()
      }
    } finally {
      await copy.close()
    }
  },
}

async function tryOut(
  trial: Trial,
  {
    projection,
    lane,
    settings,
    io,
    progress,
  }: {
    readonly projection: string | undefined
    readonly lane: string | undefined
    readonly settings: ReturnType<typeof toSettings>
    readonly io: Io
    readonly progress: ProgressLine
  },
): Promise<Outcome> {
  const { lanes } = trial
  const released = await whenReady(trial, { io, progress })
  if ('exit' in released) return { ...released, json: { ...released.json, lanes } }
  const verdict = await verifyRows({ tools: trial.rebuilds, io, progress }, { projection, lane }, settings)
  const behind = lanes.map((at) => `lane ${at.lane} at ${at.head}, ${at.behind} events behind`).join('; ')
  const built = released.builds.map(describeRelease)
  return {
    ...verdict,
    json: { ...verdict.json, lanes, released: released.builds },
    text: [`The copy: ${behind}.`, ...built, verdict.text].join('\n'),
  }
}

/** Waits until the code's versions are live on the copy, or says why they will not be. */
async function whenReady(
  trial: Trial,
  { io, progress }: { readonly io: Io; readonly progress: ProgressLine },
): Promise<Outcome | { readonly builds: readonly BuildProgress[] }> {
  for (;;) {
    const look = await trial.look()
    if (look.kind === 'ready') return { builds: look.released }
    if (look.kind === 'blocked') {
      return { exit: EXIT.found, json: { kind: 'blocked', detail: look.detail }, text: look.detail }
    }
    if (io.signal.aborted) return { exit: EXIT.cancelled, json: { kind: 'cancelled' }, text: 'Stopped before the end.' }
    const lag = look.lanes.reduce((sum, { events }) => sum + events, 0)
    progress.show([`${lag} events to fold`, ...look.builds.map(describeProgress)].join('; '))
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  }
}

function describeRelease({ projection, version, lane, origin, originPosition, originNote }: BuildProgress): string {
  const from =
    origin === 'log' ? 'all events' : `${origin === 'former' ? 'former rows' : 'a snapshot'} at ${originPosition}`
  return `${projection}@${version} was built in lane ${lane}, from ${from}.${originNote === null ? '' : ` ${originNote}`}`
}
