import type { StoredEvent } from '@tidemark/core'
import { createSnapshots } from '@tidemark/store'
import { EXIT } from '../exit-code.ts'
import { toCount, type StoreCommand } from '../store-command.ts'

const args = {
  tenant: { type: 'positional', required: true, description: 'tenant, for example harbour' },
  stream: { type: 'positional', required: true, description: 'stream, for example order/0197…' },
  after: { type: 'string', default: '0', description: 'events after this version' },
  limit: { type: 'string', default: '100', description: 'at most so many events' },
} as const

/** `tidemark store streams show TENANT STREAM` */
export const streamsShowCommand: StoreCommand<typeof args> = {
  name: 'show',
  description: 'Show the events of one stream.',
  args,
  async run({ args: { tenant, stream, after, limit }, store }) {
    const read = { tenant, stream, after: toCount('after', after), limit: toCount('limit', limit, 1) }
    const [events = []] = await store.readStreams([read])
    const snapshot = await createSnapshots(store.sql()).read(tenant, stream)
    const [first = []] =
      events.length > 0 ? [events] : await store.readStreams([{ tenant, stream, after: 0, limit: 1 }])
    if (first.length === 0) {
      const text = `Tenant ${tenant} has no stream ${stream}.`
      return { exit: EXIT.found, json: { kind: 'unknown-stream', tenant, stream }, text }
    }
    const known = snapshot === undefined ? null : { version: snapshot.version, takenAt: snapshot.takenAt }
    const lines = events.map(describeEvent)
    if (known !== null) lines.push(`Snapshot at version ${known.version}, taken ${known.takenAt}.`)
    if (events.length === read.limit) lines.push(`More may follow: --after ${events.at(-1)?.version ?? 0}`)
    const json = { kind: 'stream', tenant, stream, events, snapshot: known }
    return { exit: EXIT.ok, json, text: lines.join('\n') }
  },
}

function describeEvent({ version, position, recordedAt, type, principal, data }: StoredEvent): string {
  return `${String(version).padStart(6)}  #${position}  ${recordedAt}  ${type}  by ${principal}  ${JSON.stringify(data)}`
}
