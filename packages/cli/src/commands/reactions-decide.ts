import { openReactionTools, type ReactionDecision, type ReactionParkedAnswer } from '@tidemark/projections'
import { EXIT } from '../exit-code.ts'
import { DECISION_ARGS, toDecision } from '../parked-command.ts'
import { toCount, type Outcome, type StoreCommand } from '../store-command.ts'

const streamArgs = {
  reaction: { type: 'positional', required: true, description: 'reaction, for example reserve-stock' },
  tenant: { type: 'positional', required: true, description: 'tenant, for example harbour' },
  stream: { type: 'positional', required: true, description: 'stream, for example order/0197…' },
} as const
const retryArgs = { ...streamArgs, ...DECISION_ARGS } as const
const skipArgs = {
  ...streamArgs,
  position: { type: 'positional', required: true, description: 'position, as `reactions parked` shows it' },
  ...DECISION_ARGS,
} as const

/** `tidemark reactions retry REACTION TENANT STREAM` */
export const reactionsRetryCommand: StoreCommand<typeof retryArgs> = {
  name: 'retry',
  description: 'Try the parked events of a stream again, in order; what fails again stays.',
  args: retryArgs,
  async run({ args, store, io }) {
    const { reaction, tenant, stream } = args
    const place = { reaction, tenant, stream }
    return toOutcome(await openReactionTools(store).parked.retry(place, toDecision(args, io.variables)))
  },
}

/** `tidemark reactions skip REACTION TENANT STREAM POSITION` */
export const reactionsSkipCommand: StoreCommand<typeof skipArgs> = {
  name: 'skip',
  description: 'Leave one event unanswered, for good, and try those behind it.',
  args: skipArgs,
  async run({ args, store, io }) {
    const { reaction, tenant, stream } = args
    const place = { reaction, tenant, stream, position: toCount('position', args.position, 1) }
    return toOutcome(await openReactionTools(store).parked.skip(place, toDecision(args, io.variables)))
  },
}

const historyArgs = { limit: { type: 'string', default: '100', description: 'at most so many' } } as const

/** `tidemark reactions history` */
export const reactionsHistoryCommand: StoreCommand<typeof historyArgs> = {
  name: 'history',
  description: 'Show who decided what about events that reactions had set aside, the newest first.',
  args: historyArgs,
  async run({ args, store }) {
    const decided = await openReactionTools(store).parked.history(toCount('limit', args.limit, 1))
    const text = decided.length === 0 ? 'Nobody has decided anything.' : decided.map(describeDecision).join('\n')
    return { exit: EXIT.ok, json: { kind: 'history', decided }, text }
  },
}

function describeDecision(decision: ReactionDecision): string {
  const { at, principal, wish, reaction, tenant, stream, position, note } = decision
  const which = position === null ? stream : `${stream} #${position}`
  return `${at}  ${principal}  ${wish}  ${reaction}  ${tenant}  ${which}${note === null ? '' : `  "${note}"`}`
}

function toOutcome(answer: ReactionParkedAnswer): Outcome {
  switch (answer.kind) {
    case 'done': {
      const { settled, remaining } = answer
      const stay = remaining > 0 ? `\n${remaining} stay: \`tidemark reactions parked\` shows what is wrong now.` : ''
      const text = `${settled} are parked no more.${stay}`
      return { exit: remaining > 0 ? EXIT.found : EXIT.ok, json: { ...answer }, text }
    }
    case 'nothing':
      return { exit: EXIT.found, json: { ...answer }, text: 'Nothing is parked there.' }
    case 'pending': {
      const text =
        'It is noted, and not done yet: either no worker has come to it (is the app running?), or it stands behind an event ' +
        'that is still parked. `tidemark reactions parked` shows which.'
      return { exit: EXIT.found, json: { ...answer }, text }
    }
  }
}
