/**
 * Reading a lane for some event types, without scanning for ever where there are few of them. There is no index by type,
 * which every append would pay for: each call looks at a window of positions, and says how far it has looked.
 */
import type { EventStore, StoredEvent } from '@tidemark/core'

export interface LaneScan {
  readonly lane: number
  /** Events with a greater position are looked at. */
  readonly after: number
  readonly types: readonly string[]
  /** Most events of one answer. Default 500. */
  readonly limit?: number
  /** Most positions of one call. Default 10,000. */
  readonly window?: number
}

export interface Scanned {
  readonly events: readonly StoredEvent[]
  /** All events of these types up to here have been told; go on after it. Equal to `after` at the lane's head. */
  readonly upTo: number
}

export async function scanLane(store: Pick<EventStore, 'head' | 'readLane'>, scan: LaneScan): Promise<Scanned> {
  const { lane, after, types, limit = 500, window = 10_000 } = scan
  // The head comes first: what is stored after it was read is left for the next call.
  const upTo = Math.min(await store.head(lane), after + window)
  if (upTo <= after) return { events: [], upTo: after }
  const events = await store.readLane({ lane, after, upTo, types, limit })
  return { events, upTo: events.length < limit ? upTo : (events.at(-1)?.position ?? after) }
}
