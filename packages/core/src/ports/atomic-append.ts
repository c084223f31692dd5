/**
 * One append to several streams of a tenant, all or nothing. They lie in one lane, so one lock and one commit hold them.
 */
import type { AppendAnswer, AppendRequest } from './event-store.ts'

export interface AtomicPart extends Pick<AppendRequest, 'stream' | 'expected' | 'after'> {
  /** None: the stream is only checked, and its expectation must hold when the others are stored. */
  readonly events: AppendRequest['events']
}

/** Author, command and time are those of the whole. */
export interface AtomicAppendRequest extends Omit<AppendRequest, 'stream' | 'expected' | 'after' | 'events'> {
  /** At least one, at most 100, no stream twice; at most 1,000 events in all. */
  readonly streams: readonly AtomicPart[]
}

export type AtomicAppendAnswer =
  /**
   * `versions` are those of the streams afterwards, in the order asked; `position` is that of the last event. The
   * command's result names the stream and version of that event.
   */
  | {
      readonly kind: 'appended'
      readonly versions: readonly number[]
      readonly lane: number
      readonly position: number
    }
  /** No part had events, and every expectation holds. Nothing was written, and the command has no result. */
  | { readonly kind: 'checked'; readonly versions: readonly number[] }
  /** The first stream whose expectation does not hold. Nothing was written. */
  | { readonly kind: 'conflict'; readonly stream: string; readonly current: number }
  | { readonly kind: 'stream-closed'; readonly stream: string; readonly successor: string }
  | Extract<AppendAnswer, { kind: 'duplicate' | 'command-reused' | 'invalid' | 'overloaded' | 'unavailable' }>
