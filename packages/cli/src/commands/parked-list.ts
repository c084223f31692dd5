import type { ParkedEntry, ParkedPlace } from '@tidemark/projections'
import { UsageError } from '../errors.ts'
import { EXIT } from '../exit-code.ts'
import { FILTER_ARGS, parkedCommand, toFilter } from '../parked-command.ts'
import { toCount } from '../store-command.ts'

const args = {
  ...FILTER_ARGS,
  limit: { type: 'string', default: '100', description: 'at most so many' },
  after: { type: 'string', description: 'go on behind this place, as the list before said' },
} as const

/** `tidemark parked list` */
export const parkedListCommand = parkedCommand({
  name: 'list',
  description: 'Show events that projections have set aside.',
  args,
  async run({ args, parked }) {
    const page = { limit: toCount('limit', args.limit, 1), after: toPlace(args.after) }
    const { entries, next } = await parked.list(toFilter(args), page)
    const lines = entries.map(describeEntry)
    if (entries.length === 0) lines.push('Nothing is parked there.')
    if (next !== null) lines.push(`More: --after ${next.lane}:${next.position}:${next.id}`)
    return { exit: EXIT.ok, json: { kind: 'parked', entries, next }, text: lines.join('\n') }
  },
})

export function describeEntry(entry: ParkedEntry): string {
  const { projection, version, tenant, by, key, position, type, reason, attempts, error } = entry
  const where = by === 'stream' ? `${key} (the whole stream)` : key
  const why =
    reason === 'behind'
      ? 'waits for an earlier one'
      : `${reason} ${attempts === 1 ? 'once' : `${attempts} times`}: ${error ?? ''}`
  return `#${position}  ${tenant}  ${projection}@${version}  ${where}  ${type}  ${why}`
}

function toPlace(text: string | undefined): ParkedPlace | null {
  if (text === undefined) return null
  const [, lane, position, id] = /^(\d+):(\d+):(\d+)$/.exec(text) ?? []
  if (lane === undefined || position === undefined || id === undefined) {
    throw new UsageError(`--after is "${text}": what the list before said behind --after is needed.`)
  }
  return { lane: Number(lane), position: Number(position), id: Number(id) }
}
