import type { StoredEvent, StreamPageRead } from '@tidemark/core'
import { createSnapshots, type PostgresStore } from '@tidemark/store'
import { EXIT } from '../exit-code.ts'
import { toCount, type StoreCommand } from '../store-command.ts'

const args = {
  tenant: { type: 'positional', required: true, description: 'tenant, for example harbour' },
  stream: { type: 'positional', required: true, description: 'stream, for example order/0197…' },
  from: { type: 'string', description: 'version to begin with; default: the first, backwards the last' },
  backwards: { type: 'boolean', default: false, description: 'newest first' },
  type: { type: 'string', description: 'only events of these types, separated by commas' },
  limit: { type: 'string', default: '100', description: 'at most so many events' },
} as const

/** `tidemark store streams show TENANT STREAM` */
export const streamsShowCommand: StoreCommand<typeof args> = {
  name: 'show',
  description: 'Show the events of one stream.',
  args,
  async run({ args: { tenant, stream, from, backwards, type, limit }, store }) {
    const { events, next } = await readEvents(store, {
      tenant,
      stream,
      limit: toCount('limit', limit, 1),
      direction: backwards ? 'backwards' : 'forwards',
      ...(from === undefined ? {} : { from: toCount('from', from, 1) }),
      ...(type === undefined ? {} : { types: type.split(',') }),
    })
    const snapshot = await createSnapshots(store.sql()).read(tenant, stream)
    const isThere = events.length > 0 || (await store.readStreamPage({ tenant, stream, limit: 1 })).events.length > 0
    if (!isThere) {
      const text = `Tenant ${tenant} has no stream ${stream}.`
      return { exit: EXIT.found, json: { kind: 'unknown-stream', tenant, stream }, text }
    }
    const known = snapshot === undefined ? null : { version: snapshot.version, takenAt: snapshot.takenAt }
    const lines = events.map(describeEvent)
    if (known !== null) lines.push(`Snapshot at version ${known.version}, taken ${known.takenAt}.`)
    if (next !== undefined) lines.push(`More may follow: --from ${next}`)
    const json = { kind: 'stream', tenant, stream, events, next: next ?? null, snapshot: known }
    return { exit: EXIT.ok, json, text: lines.join('\n') }
  },
}

/** Goes on through pages without a match until there are as many events as were asked for. */
async function readEvents(
  store: Pick<PostgresStore, 'readStreamPage'>,
  read: StreamPageRead & { readonly limit: number },
): Promise<{ readonly events: readonly StoredEvent[]; readonly next: number | undefined }> {
  const events: StoredEvent[] = []
  for (let at = read.from; ;) {
    const limit = read.limit - events.length
    const page = await store.readStreamPage({ ...read, limit, ...(at === undefined ? {} : { from: at }) })
    events.push(...page.events)
    if (page.next === undefined || events.length === read.limit) return { events, next: page.next }
    at = page.next
  }
}

function describeEvent({ version, position, recordedAt, type, principal, data }: StoredEvent): string {
  return `${String(version).padStart(6)}  #${position}  ${recordedAt}  ${type}  by ${principal}  ${JSON.stringify(data)}`
}
