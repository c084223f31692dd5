/**
 * Stops calls to an outside service that fails on all of them, and lets one through now and then to see. Pure.
 *
 * closed ──(five failures in a row)──▶ open ──(time is up: one call)──▶ half-open ──(it is well)──▶ closed
 *                                       ▲                                 │
 *                                       └──────────(it is not)────────────┘ for twice as long
 */
export type CallBreaker =
  /** `failures`: in a row, up to now. */
  | { readonly kind: 'closed'; readonly failures: number }
  /** No call before `until` (milliseconds of the caller's clock). `openings`: times in a row. */
  | { readonly kind: 'open'; readonly until: number; readonly openings: number }
  /** One call is under way, and decides. */
  | { readonly kind: 'half-open'; readonly openings: number }

export const CALLS_CLOSED: CallBreaker = { kind: 'closed', failures: 0 }

const OPEN_AT = 5
const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 60_000
/** How often those that wait for the one call of a half-open breaker look again. */
const LOOK_MS = 100

/** Whether a call may be made now; with `go`, the breaker while it is made. */
export function mayCall(
  breaker: CallBreaker,
  now: number,
): { readonly kind: 'go'; readonly breaker: CallBreaker } | { readonly kind: 'wait'; readonly ms: number } {
  switch (breaker.kind) {
    case 'closed':
      return { kind: 'go', breaker }
    case 'half-open':
      return { kind: 'wait', ms: LOOK_MS }
    case 'open':
      return now < breaker.until
        ? { kind: 'wait', ms: breaker.until - now }
        : { kind: 'go', breaker: { kind: 'half-open', openings: breaker.openings } }
  }
}

/** What the end of a call makes of the breaker. */
export function afterCall(breaker: CallBreaker, isWell: boolean, now: number): CallBreaker {
  if (isWell) return CALLS_CLOSED
  switch (breaker.kind) {
    case 'closed': {
      const failures = breaker.failures + 1
      return failures < OPEN_AT ? { kind: 'closed', failures } : open(1, now)
    }
    case 'half-open':
      return open(breaker.openings + 1, now)
    case 'open':
      // A call that began before it opened.
      return breaker
  }
}

function open(openings: number, now: number): CallBreaker {
  return { kind: 'open', until: now + Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (openings - 1)), openings }
}
