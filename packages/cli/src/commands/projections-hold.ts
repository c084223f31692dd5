import { EXIT } from '../exit-code.ts'
import { isSql, notBuiltSo, principalOf, projectionsCommand, TARGET_ARGS, toTarget } from '../projections-command.ts'
import { toCount, type Outcome } from '../store-command.ts'

const target = {
  projection: {
    type: 'positional',
    required: false,
    description:
      'its builds, or a SQL projection itself; default: the live projections of a lane, all together, as they move together',
  },
  lane: TARGET_ARGS.lane,
} as const

const pauseArgs = {
  ...target,
  by: { type: 'string', description: 'who asks; default: the name of the account' },
} as const

/** `tidemark projections pause [PROJECTION]` */
export const projectionsPauseCommand = projectionsCommand({
  name: 'pause',
  description:
    'Let the builds of a projection rest, or hold a SQL projection; without a name, hold the live projections.',
  args: pauseArgs,
  async run({ args, tools, sqlTools, io }) {
    const { projection, lane } = args
    if (projection !== undefined && isSql(projection)) {
      const paused = await sqlTools.pause(toTarget({ projection, lane }), principalOf(args, io))
      return toOutcome('paused', paused, 'lanes')
    }
    if (projection !== undefined)
      return toOutcome('paused', await tools.pause(toTarget({ projection, lane })), 'builds')
    const lanes = await lanesOf(tools, lane)
    for (const one of lanes) await tools.pauseLane(one, principalOf(args, io))
    return toOutcome('paused', lanes.length, 'lanes')
  },
})

const resumeArgs = {
  ...target,
  'accept-parked': {
    type: 'boolean',
    default: false,
    description: 'switch although it has parked more keys than the live rows have',
  },
} as const

/** `tidemark projections resume [PROJECTION]` */
export const projectionsResumeCommand = projectionsCommand({
  name: 'resume',
  description: 'Let builds that were paused or held go on, or a SQL projection; without a name, live projections.',
  args: resumeArgs,
  async run({ args, tools, sqlTools }) {
    const { projection, lane } = args
    if (projection !== undefined && isSql(projection)) {
      return toOutcome('resumed', await sqlTools.resume(toTarget({ projection, lane })), 'lanes')
    }
    if (projection !== undefined) {
      const options = { acceptParked: args['accept-parked'] }
      return toOutcome('resumed', await tools.resume(toTarget({ projection, lane }), options), 'builds')
    }
    let resumed = 0
    for (const one of await lanesOf(tools, lane)) if (await tools.resumeLane(one)) resumed += 1
    return toOutcome('resumed', resumed, 'lanes')
  },
})

/** `tidemark projections cancel PROJECTION` */
export const projectionsCancelCommand = projectionsCommand({
  name: 'cancel',
  description: 'End the builds of a projection; the live rows stay, and nothing else does.',
  args: TARGET_ARGS,
  async run({ args, tools }) {
    if (isSql(args.projection)) return notBuiltSo(args.projection)
    return toOutcome('cancelled', await tools.cancel(toTarget(args)), 'builds')
  },
})

async function lanesOf(
  tools: { list(): Promise<readonly { readonly lane: number }[]> },
  only: string | undefined,
): Promise<readonly number[]> {
  if (only !== undefined) return [toCount('lane', only)]
  return [...new Set((await tools.list()).map(({ lane }) => lane))]
}

function toOutcome(kind: 'paused' | 'resumed' | 'cancelled', count: number, what: 'builds' | 'lanes'): Outcome {
  const text = count === 0 ? `There are no such ${what}.` : `${count} ${what} ${kind}.`
  return { exit: count === 0 ? EXIT.found : EXIT.ok, json: { kind, [what]: count }, text }
}
