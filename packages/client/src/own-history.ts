import { foldedEvents } from './prediction.ts'
import type { PendingRecord } from './records.ts'
import type { HistoryEntry } from './tidemark-client.ts'

/** What the server told of a stream, and this device's own pending events after it. */
export function withOwnHistory(entries: readonly HistoryEntry[], pending: readonly PendingRecord[]): HistoryEntry[] {
  // An accepted command may be in the server's answer before its outcome is here; its events have the same ids.
  const known = new Set(entries.map((each) => each.id))
  return [...entries, ...pending.flatMap(entriesOf).filter((each) => !known.has(each.id))]
}

function entriesOf(command: PendingRecord): HistoryEntry[] {
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
