import { PROTOCOL_VERSION, readEvent, type Domain, type StreamId, type Transport } from '@tidemark/core'
import type { HistoryEntry, HistoryResult } from './tidemark-client.ts'

/** Everything that happened in a stream, oldest first; `complete` adds what only this device knows. */
export async function readHistory(
  domain: Domain,
  transport: Transport,
  stream: StreamId,
  complete: (entries: readonly HistoryEntry[]) => Promise<readonly HistoryEntry[]>,
  signal: AbortSignal,
): Promise<HistoryResult> {
  const entries: HistoryEntry[] = []
  for (;;) {
    const after = entries.at(-1)?.version ?? 0
    const reply = await transport.history({ protocol: PROTOCOL_VERSION, stream, after }, signal)
    switch (reply.kind) {
      case 'unreachable':
      case 'unreadable':
      case 'unavailable':
        return { kind: 'offline', entries: await complete([]) }
      case 'unauthenticated':
        return { kind: 'needs-sign-in', entries: await complete(entries) }
      case 'upgrade':
        return { kind: 'upgrade-required', entries: await complete(entries) }
      case 'unknown':
        return { kind: 'unknown', entries: await complete(entries) }
      case 'history':
        for (const stored of reply.events) {
          const read = readEvent(domain, { ...stored, stream })
          const { id, type, version, principal, occurredAt, recordedAt } = stored
          const content: HistoryEntry['content'] =
            read.kind === 'event' ? { kind: 'event', event: read.event } : { kind: 'unreadable', failure: read }
          entries.push({ id, type, version, principal, occurredAt, recordedAt, pending: false, content })
        }
        if (!reply.more || reply.events.length === 0) return { kind: 'history', entries: await complete(entries) }
    }
  }
}
