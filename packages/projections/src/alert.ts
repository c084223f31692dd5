import type { OpenCause } from './circuit-breaker.ts'

/** Something that a person should know of. What goes on for long is told when it begins and when it ends. */
export type Alert =
  /** Events of a projection were set aside, `events` of them for what is wrong with themselves. One alert for a batch. */
  | {
      readonly kind: 'parked'
      readonly lane: number
      readonly projection: string
      readonly events: number
      readonly first: {
        readonly tenant: string
        readonly by: 'key' | 'stream'
        readonly key: string
        readonly position: number
        readonly type: string
        readonly error: string
      }
    }
  /**
   * A projection fails on nearly every event. Nothing more is set aside: the lane waits, and tries a few events again
   * after `retryInMs`, `openings` times by now. Mend the code, or run with `onMassFailure: 'park'`.
   */
  | {
      readonly kind: 'breaker-opened'
      readonly lane: number
      readonly cause: OpenCause
      readonly openings: number
      readonly retryInMs: number
    }
  | { readonly kind: 'breaker-closed'; readonly lane: number }
  /** The lane waits for other code; `detail` says why. */
  | { readonly kind: 'blocked'; readonly lane: number; readonly reason: string; readonly detail: string }
  | { readonly kind: 'unblocked'; readonly lane: number }
  /** The rows are further behind than they may be, and new commands are sent away until they have caught up. */
  | { readonly kind: 'overloaded'; readonly lane: number; readonly events: number; readonly seconds: number }
  | { readonly kind: 'relieved'; readonly lane: number; readonly events: number; readonly seconds: number }
  /** So many attempts in a row have failed, and go on: the database is away, or something is wrong with it. */
  | { readonly kind: 'failing'; readonly lane: number; readonly failures: number; readonly message: string }
  | { readonly kind: 'recovered'; readonly lane: number }

export type OnAlert = (alert: Alert) => void
