import type { ReadFailure } from '@tidemark/core'

/**
 * Why an event is set aside for what is wrong with itself. The first five are those of reading: only what newer code may be
 * able to read (`unknown-type`, `newer-schema`) is never set aside at first, but a retry by older code may say so.
 */
export type ParkReason =
  | ReadFailure['kind']
  /** The log holds another event at its position, or none: it has another history. */
  | 'not-in-log'
  /** The app's code threw or did not end, or what it gave cannot be stored. */
  | 'failed'

/** As it is stored. */
export type ParkedReason =
  | ParkReason
  /** It waits for an earlier one. */
  | 'behind'
  /** One of reading, by a release that did not tell them apart. */
  | 'unreadable'

const READING = ['unknown-type', 'newer-schema', 'missing-upcaster', 'upcaster-failed', 'invalid-data'] as const
export const PARKED_REASONS: readonly ParkedReason[] = [...READING, 'not-in-log', 'failed', 'behind', 'unreadable']

/** What a filter picks: `unreadable` stands for all that cannot be read. */
export function reasonsOf(filter: ParkedReason): readonly ParkedReason[] {
  return filter === 'unreadable' ? [...READING, 'not-in-log', 'unreadable'] : [filter]
}

/** What helps, in a sentence for whoever looks at the event; `undefined` for one that only waits. */
export function parkedAdvice(reason: ParkedReason): string | undefined {
  switch (reason) {
    case 'unknown-type':
      return 'This code does not declare the event type: deploy the release that does, or declare it again; then retry.'
    case 'newer-schema':
      return 'Newer code wrote it: deploy that release, then retry.'
    case 'missing-upcaster':
      return 'Declare the upcaster from its schema version on, deploy, then retry.'
    case 'upcaster-failed':
      return 'Mend the upcaster, deploy, then retry; or edit this one event.'
    case 'invalid-data':
      return 'Edit the event; or, where many are like it, raise the schema version with an upcaster that mends them, then retry.'
    case 'not-in-log':
      return 'The log was restored or replaced since: rebuild the projection, or discard what is parked.'
    case 'failed':
      return 'Mend the code, deploy, then retry; or edit the event; or skip it for good.'
    case 'unreadable':
      return 'Retry it: the answer then says which of its schema version, its upcasters and its data is the matter.'
    case 'behind':
      return undefined
  }
}
