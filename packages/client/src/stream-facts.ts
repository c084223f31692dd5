import { evolveState, initialState, type AnyAggregate, type Uuid, type VersionedState } from '@tidemark/core'
import type { ConfirmedRow } from './change.ts'
import { withCommand } from './overlay-record.ts'
import { foldedEvents } from './prediction.ts'
import type { OverlayRecord, PendingRecord } from './records.ts'

/** What the next command on a stream has to know of what is there, however many commands wait before it. */
export interface StreamFacts {
  /** Confirmed state, or that the stream is new; `undefined` where this device cannot know it. */
  readonly known: VersionedState | undefined
  /** State with the pending commands' events. */
  readonly current: VersionedState | undefined
  /** The last pending command that is not set aside. */
  readonly last: Uuid | null
  /** Commands wait on it. */
  readonly isPending: boolean
  /** Version of the confirmed state, `undefined` where there is none. */
  readonly confirmed: number | undefined
}

/**
 * @param over what the overlay has of the stream's state.
 * @param beingStored commands on the stream that come after those of the overlay, in order.
 */
export function factsOf(
  aggregate: AnyAggregate,
  confirmed: Pick<ConfirmedRow, 'row'> | null,
  over: OverlayRecord | null,
  beingStored: readonly PendingRecord[],
): StreamFacts {
  const state = confirmed === null ? undefined : (confirmed.row as unknown as VersionedState)
  const tail = beingStored.reduce(withCommand, over?.tail ?? { last: null, isNew: false })
  const known = state ?? (tail.isNew ? initialState(aggregate) : undefined)
  let current = (over?.row as unknown as VersionedState | undefined) ?? known
  for (const command of beingStored) {
    for (const event of foldedEvents(command))
      if (current !== undefined) current = evolveState(aggregate, current, event)
  }
  return {
    known,
    current,
    last: tail.last,
    isPending: over !== null || beingStored.length > 0,
    confirmed: state?.version,
  }
}
