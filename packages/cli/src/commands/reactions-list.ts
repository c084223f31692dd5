import { openReactionTools, type ParkedReaction, type StoredReactionLag } from '@tidemark/projections'
import { EXIT } from '../exit-code.ts'
import { toCount, type StoreCommand } from '../store-command.ts'

/** `tidemark reactions list` */
export const reactionsListCommand: StoreCommand<Record<never, never>> = {
  name: 'list',
  description: 'Show how far each reaction has come, and what it has set aside.',
  args: {},
  async run({ store }) {
    const reactions = await openReactionTools(store).lag()
    const text = reactions.length === 0 ? 'The log has met no reaction.' : reactions.map(describeLag).join('\n')
    return { exit: EXIT.ok, json: { kind: 'reactions', reactions }, text }
  },
}

const parkedArgs = {
  reaction: { type: 'string', description: 'of this reaction' },
  tenant: { type: 'string', description: 'of this tenant' },
  stream: { type: 'string', description: 'of this stream' },
  limit: { type: 'string', default: '100', description: 'at most so many' },
} as const

/** `tidemark reactions parked` */
export const reactionsParkedCommand: StoreCommand<typeof parkedArgs> = {
  name: 'parked',
  description: 'Show events that reactions could not answer, and those that wait behind them.',
  args: parkedArgs,
  async run({ args: { reaction, tenant, stream, limit }, store }) {
    const filter = {
      ...(reaction === undefined ? {} : { reaction }),
      ...(tenant === undefined ? {} : { tenant }),
      ...(stream === undefined ? {} : { stream }),
    }
    const entries = await openReactionTools(store).parked.list(filter, toCount('limit', limit, 1))
    const text = entries.length === 0 ? 'Nothing is parked there.' : entries.map(describeParked).join('\n')
    return { exit: EXIT.ok, json: { kind: 'parked', entries }, text }
  },
}

function describeLag({ reaction, lane, checkpoint, head, seconds, parked }: StoredReactionLag): string {
  const behind = head === checkpoint ? 'at the end' : `${head - checkpoint} events, ${seconds.toFixed(1)} s behind`
  return `${reaction}  lane ${lane}  ${checkpoint} of ${head}  ${behind}${parked === 0 ? '' : `  ${parked} parked`}`
}

function describeParked({
  position,
  tenant,
  reaction,
  stream,
  type,
  reason,
  attempts,
  message,
}: ParkedReaction): string {
  const tries = attempts === 1 ? 'once' : `${attempts} times`
  const why = reason === 'behind' ? 'waits for an earlier one' : `${reason} ${tries}: ${message}`
  return `#${position}  ${tenant}  ${reaction}  ${stream}  ${type}  ${why}`
}
