import { PROTOCOL_VERSION, readEvent, type Domain, type StreamId, type Transport } from '@tidemark/core'
import type { PendingRecord } from './records.ts'
import { foldedEvents } from './rebase.ts'
import type { HistoryEntry, HistoryResult } from './tidemark-client.ts'

/** Everything that happened in a stream, oldest first, and this device's own pending events after it. */
export async function readHistory(
  domain: Domain,
  transport: Transport,
  stream: StreamId,
  pendingOf: () => readonly PendingRecord[],
  signal: AbortSignal,
): Promise<HistoryResult> {
  const entries: HistoryEntry[] = []
  const withPending = (): HistoryEntry[] => {
    // An accepted command may be in the server's answer before its outcome is here; its events have the same ids.
    const known = new Set(entries.map((each) => each.id))
    return [
      ...entries,
      ...pendingOf()
        .flatMap(pendingEntries)
        .filter((each) => !known.has(each.id)),
    ]
  }
  for (;;) {
    const after = entries.at(-1)?.version ?? 0
    const reply = await transport.history({ protocol: PROTOCOL_VERSION, stream, after }, signal)
    switch (reply.kind) {
      case 'unreachable':
      case 'unreadable':
      case 'unavailable':
        entries.length = 0
        return { kind: 'offline', entries: withPending() }
      case 'unauthenticated':
        return { kind: 'needs-sign-in', entries: withPending() }
      case 'upgrade':
        return { kind: 'upgrade-required', entries: withPending() }
      case 'unknown':
        return { kind: 'unknown', entries: withPending() }
      case 'history':
        for (const stored of reply.events) {
          const read = readEvent(domain, { ...stored, stream })
          const { id, type, version, principal, occurredAt, recordedAt } = stored
          const content: HistoryEntry['content'] =
            read.kind === 'event' ? { kind: 'event', event: read.event } : { kind: 'unreadable', failure: read }
          entries.push({ id, type, version, principal, occurredAt, recordedAt, pending: false, content })
        }
        if (!reply.more || reply.events.length === 0) return { kind: 'history', entries: withPending() }
    }
  }
}

function pendingEntries(command: PendingRecord): HistoryEntry[] {
  return foldedEvents(command).map((event) => ({
    id: event.id,
    type: event.type,
    version: event.version,
    principal: event.principal,
    occurredAt: event.occurredAt,
    recordedAt: null,
    pending: true,
    content: { kind: 'event', event },
  }))
}
