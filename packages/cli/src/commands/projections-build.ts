import type { BuildProgress, BuildResult, RebuildAnswer, RebuildSettings } from '@tidemark/projections'
import { EXIT } from '../exit-code.ts'
import {
  BUILD_ARGS,
  describeProgress,
  isSql,
  notBuiltSo,
  principalOf,
  projectionsCommand,
  TARGET_ARGS,
  toSettings,
  toTarget,
  watchBuilds,
  type ProjectionsCommandContext,
} from '../projections-command.ts'
import type { Outcome } from '../store-command.ts'

const rebuildArgs = {
  ...TARGET_ARGS,
  ...BUILD_ARGS,
  'accept-parked': {
    type: 'boolean',
    default: false,
    description: 'switch although it has parked more keys than the live rows have',
  },
  'from-start': {
    type: 'boolean',
    default: false,
    description: 'fold all events, also where there is a snapshot to begin from',
  },
} as const

/** `tidemark projections rebuild PROJECTION` */
export const projectionsRebuildCommand = projectionsCommand({
  name: 'rebuild',
  description: 'Build the rows of a projection anew beside the live ones, and switch to them.',
  args: rebuildArgs,
  async run(context) {
    const { args, tools, io } = context
    if (isSql(args.projection)) return notBuiltSo(args.projection)
    const more = { acceptParked: args['accept-parked'], fromStart: args['from-start'] }
    const settings = { ...toSettings(args, io), ...more }
    return watched(context, args.detach, await tools.rebuild(toTarget(args), settings))
  },
})

const { parts: _parts, ...rollbackBuildArgs } = BUILD_ARGS
const rollbackArgs = { ...TARGET_ARGS, ...rollbackBuildArgs } as const

/** `tidemark projections rollback PROJECTION` */
export const projectionsRollbackCommand = projectionsCommand({
  name: 'rollback',
  description: 'Go back to the rows before the last switch, brought up to date.',
  args: rollbackArgs,
  async run(context) {
    const { args, tools, io } = context
    if (isSql(args.projection)) return notBuiltSo(args.projection)
    const { share } = toSettings({ ...args, parts: '1' }, io)
    const asked = await tools.rollback(toTarget(args), { principal: principalOf(args, io), share })
    return watched(context, args.detach, asked)
  },
})

const { detach: _detach, ...verifyBuildArgs } = BUILD_ARGS
const verifyArgs = {
  ...verifyBuildArgs,
  projection: { type: 'positional', required: false, description: 'projection; default: all, one after another' },
  lane: TARGET_ARGS.lane,
  'from-snapshot': {
    type: 'boolean',
    default: false,
    description: 'begin from a snapshot where there is one: quicker, and blind to what was wrong when it was taken',
  },
} as const

/** `tidemark projections verify [PROJECTION]` */
export const projectionsVerifyCommand = projectionsCommand({
  name: 'verify',
  description:
    'Build the rows aside, compare them with the live ones, and print the keys that differ. Changes nothing.',
  args: verifyArgs,
  async run(context) {
    const { args, io } = context
    if (args.projection !== undefined && isSql(args.projection)) return notBuiltSo(args.projection)
    const settings = { ...toSettings(args, io), fromStart: !args['from-snapshot'] }
    return verifyRows(context, { projection: args.projection, lane: args.lane }, settings)
  },
})

/** Verifies one projection, or all of them one after another. */
export async function verifyRows(
  { tools, io, progress }: Pick<ProjectionsCommandContext<never>, 'tools' | 'io' | 'progress'>,
  { projection, lane }: { readonly projection: string | undefined; readonly lane?: string | undefined },
  settings: RebuildSettings,
): Promise<Outcome> {
  const all = [...new Set((await tools.list()).map((live) => live.projection))]
  const over: BuildProgress[] = []
  for (const name of projection === undefined ? all : [projection]) {
    const target = toTarget({ projection: name, lane })
    const asked = await tools.verify(target, settings)
    if (asked.kind !== 'requested') return toRefusal(asked)
    const builds = await watchBuilds(tools, asked.builds, { io, progress })
    if (builds === undefined) {
      await tools.cancel(target)
      const text = 'Stopped before the end; nothing is left of it.'
      return { exit: EXIT.cancelled, json: { kind: 'cancelled' }, text }
    }
    over.push(...builds)
  }
  return toVerdict(over)
}

/** Waits for what was asked for, if it is to be waited for. */
async function watched(
  context: Pick<ProjectionsCommandContext<never>, 'tools' | 'io' | 'progress'>,
  detach: boolean,
  asked: RebuildAnswer,
): Promise<Outcome> {
  if (asked.kind !== 'requested') return toRefusal(asked)
  const over = detach ? undefined : await watchBuilds(context.tools, asked.builds, context)
  if (over === undefined) {
    const text = 'It goes on where workers run: `tidemark projections list` shows how far it is, `cancel` ends it.'
    const exit = detach ? EXIT.ok : EXIT.cancelled
    return { exit, json: { kind: 'requested', builds: asked.builds }, text }
  }
  const done = over.every(({ state }) => state === 'done')
  const text = over
    .map((build) => (build.state === 'done' ? describeSwitch(build) : describeProgress(build)))
    .join('\n')
  return { exit: done ? EXIT.ok : EXIT.found, json: { kind: done ? 'switched' : 'stopped', builds: over }, text }
}

function describeSwitch(build: BuildProgress): string {
  const { projection, version, lane, result } = build
  const told = isTold(result) ? result.told : 0
  const what = told === 0 ? 'no row is different' : `${told} rows are different, and clients fetch them`
  return `${projection}@${version} is switched in lane ${lane}: ${what}. ${describeOrigin(build)}`.trimEnd()
}

function describeOrigin({ origin, originPosition }: BuildProgress): string {
  switch (origin) {
    case 'log':
      return ''
    case 'snapshot':
      return `It began from the snapshot at ${originPosition}; --from-start folds all events.`
    case 'former':
      return `It began from the rows of the version before, at ${originPosition}.`
  }
}

function toVerdict(builds: readonly BuildProgress[]): Outcome {
  const projections: object[] = []
  const lines: string[] = []
  let clean = true
  for (const { projection, version, lane, state, detail, result, origin, originPosition } of builds) {
    const name = `${projection}@${version} in lane ${lane}`
    if (state !== 'done' || result === null || isTold(result)) {
      clean = false
      projections.push({ projection, version, lane, state, detail })
      lines.push(`${name}: ${state}, not compared${detail === null ? '' : `. ${detail}`}`)
      continue
    }
    projections.push({ projection, version, lane, state, origin, originPosition, ...result })
    const { differences, position, liveRows, rebuiltRows, liveHash, rebuiltHash, keys } = result
    clean &&= differences === 0
    lines.push(
      differences === 0
        ? `${name}: ${liveRows} rows at ${position}, ${liveHash}${origin === 'log' ? '' : `, since the snapshot at ${originPosition}`}`
        : `${name}: ${differences} keys differ at ${position}; ${liveRows} rows live (${liveHash}), ${rebuiltRows} rebuilt (${rebuiltHash})`,
      ...keys.map(({ tenant, key, kind }) => `  ${tenant}  ${key}  ${kind}`),
    )
    if (keys.length < differences) lines.push(`  and ${differences - keys.length} more`)
  }
  lines.push(clean ? 'Clean.' : 'Different.')
  const json = { kind: clean ? 'clean' : 'different', projections }
  return { exit: clean ? EXIT.ok : EXIT.found, json, text: lines.join('\n') }
}

function toRefusal(answer: Exclude<RebuildAnswer, { kind: 'requested' }>): Outcome {
  const json = { ...answer }
  switch (answer.kind) {
    case 'unknown':
      return {
        exit: EXIT.found,
        json,
        text: 'No such projection is live there: `tidemark projections list` shows them.',
      }
    case 'nothing':
      return { exit: EXIT.found, json, text: 'There is nothing to go back to: nothing has taken its place yet.' }
    case 'exists': {
      const text = `It is being built already: ${answer.builds.map(describeProgress).join('; ')}.`
      return { exit: EXIT.found, json, text }
    }
  }
}

function isTold(result: BuildResult | null): result is Extract<BuildResult, { told: number }> {
  return result !== null && 'told' in result
}
