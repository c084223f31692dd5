/**
 * Reading a lane for some event types, without scanning for ever where there are few of them. There is no index by type,
 * which every append would pay for: each call looks at a window of positions, and says how far it has looked.
 */
import { PAGE_DEFAULTS, type EventStore, type LanePage } from '@tidemark/core'

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

/** At the lane's head the page is empty and its `upTo` is `after`. */
export async function scanLane(store: Pick<EventStore, 'head' | 'readLane'>, scan: LaneScan): Promise<LanePage> {
  const { lane, after, types, limit = PAGE_DEFAULTS.limit, window = PAGE_DEFAULTS.window } = scan
  // The head comes first: what is stored after it was read is left for the next call.
  const upTo = Math.min(await store.head(lane), after + window)
  if (upTo <= after) return { events: [], upTo: after }
  const events = await store.readLane({ lane, after, upTo, types, limit })
  return { events, upTo: events.length < limit ? upTo : (events.at(-1)?.position ?? after) }
}
