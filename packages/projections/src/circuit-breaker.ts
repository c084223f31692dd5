/**
 * Stops a consumer whose projections fail on nearly every event: that is a bug in the code, or a database that lost
 * something, and not thousands of bad events to set aside. Pure.
 *
 * closed ──(most of what was tried last failed)──▶ open ──(time is up)──▶ half-open ──(a small batch is well)──▶ closed
 *                                                   ▲                        │
 *                                                   └──(it is not)───────────┘ for twice as long
 */

/** How many events a projection was to fold, those behind parked ones not counted, and on how many it failed. */
export interface Tally {
  readonly projection: string
  readonly tried: number
  readonly failed: number
  /** What it said first. */
  readonly error: string | undefined
}

export interface OpenCause {
  readonly projection: string
  readonly tried: number
  readonly failed: number
  readonly error: string
}

export type Breaker =
  /** `recent`: what the last events, {@link WINDOW} at most, came to, by projection. */
  | {
      readonly kind: 'closed'
      readonly recent: ReadonlyMap<string, { readonly tried: number; readonly failed: number }>
    }
  /** Nothing is tried before `until` (milliseconds of the caller's clock). `openings`: times in a row. */
  | { readonly kind: 'open'; readonly until: number; readonly openings: number; readonly cause: OpenCause }
  /** The next batch is small, and decides. */
  | { readonly kind: 'half-open'; readonly openings: number; readonly cause: OpenCause }

export type OpenBreaker = Extract<Breaker, { kind: 'open' }>

export const CLOSED: Breaker = { kind: 'closed', recent: new Map() }

/** Events of a projection that are looked back on. */
export const WINDOW = 100
/** It opens at so many failures among them, and where they are this share. */
export const OPEN_AT = { failures: 50, share: 0.8 } as const
/** The batch of a half-open breaker. */
export const PROBE_EVENTS = 20
const FIRST_PAUSE_MS = 5_000
const LONGEST_PAUSE_MS = 60_000

/** Where the time of an open breaker is up, it may be tried again. */
export function wake(breaker: Breaker, now: number): Breaker {
  return breaker.kind === 'open' && now >= breaker.until
    ? { kind: 'half-open', openings: breaker.openings, cause: breaker.cause }
    : breaker
}

/**
 * What a batch that has been folded and not been written yet makes of the breaker. Where the answer is open, the batch
 * must not be written.
 */
export function judge(breaker: Breaker, tallies: readonly Tally[], now: number): Breaker {
  if (breaker.kind === 'open') return breaker
  const half = breaker.kind === 'half-open'
  const recent = new Map(breaker.kind === 'closed' ? breaker.recent : [])
  let tried = 0
  for (const tally of tallies) {
    tried += tally.tried
    const seen = slide(recent.get(tally.projection), tally)
    recent.set(tally.projection, seen)
    const most = seen.failed >= OPEN_AT.share * seen.tried
    if (!(half ? tally.failed > 0 && most : most && seen.failed >= OPEN_AT.failures)) continue
    const openings = half ? breaker.openings + 1 : 1
    const cause = { projection: tally.projection, ...seen, error: tally.error ?? (half ? breaker.cause.error : '') }
    return { kind: 'open', until: now + pauseMs(openings), openings, cause }
  }
  // Nothing was tried, so nothing is known.
  return half && tried === 0 ? breaker : { kind: 'closed', recent }
}

function slide(
  before: { readonly tried: number; readonly failed: number } | undefined,
  { tried, failed }: Tally,
): { readonly tried: number; readonly failed: number } {
  if (before === undefined || tried >= WINDOW) return { tried, failed }
  // What no longer fits is taken away in proportion: which of them failed is not kept.
  const kept = Math.min(before.tried, WINDOW - tried)
  return { tried: tried + kept, failed: failed + (before.tried === 0 ? 0 : (before.failed * kept) / before.tried) }
}

function pauseMs(openings: number): number {
  return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(openings - 1, 20))
}
