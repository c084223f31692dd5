import type { EventStore } from '@tidemark/core'

/** A place in a lane and the event that was there: what a cursor carries. Position 0 is the start, before any event. */
export interface Mark {
  readonly lane: number
  readonly position: number
  readonly eventId: string
}

/**
 * - `same`: this log goes on from the mark.
 * - `other-history`: another event is there. A backup was put back and written to since.
 * - `ahead`: the lane ends before it. A backup was put back, and what came after it is missing here.
 */
export type MarkAnswer = 'same' | 'other-history' | 'ahead'

/**
 * Whether this log is the one that the mark was taken from. Rows copied back into tables that stayed, or a disk set back in
 * time, change nothing that the epoch is made of; only the event at the position tells.
 */
export async function checkMark(store: Pick<EventStore, 'readLane'>, mark: Mark): Promise<MarkAnswer> {
  if (mark.position === 0) return 'same'
  const [event] = await store.readLane({ lane: mark.lane, after: mark.position - 1, limit: 1 })
  if (event === undefined) return 'ahead'
  return event.id === mark.eventId ? 'same' : 'other-history'
}
