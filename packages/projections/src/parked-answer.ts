/** What became of a retry, skip or discard. */
export type ParkedAnswer =
  | {
      readonly kind: 'done'
      /** Events that are parked no more, the skipped ones included. */
      readonly settled: number
      readonly skipped: number
      /** Events that were tried, or wait behind one that was, and stay. `show` tells what is wrong now. */
      readonly remaining: number
      /** There are more than one call takes on: call again. */
      readonly more: boolean
    }
  /** Nothing is parked there. */
  | { readonly kind: 'nothing' }
  /** It is kept and will be carried out; no worker came to it in time. `position`: in the log, for fold projections. */
  | { readonly kind: 'pending'; readonly lane: number; readonly position: number | null }
  /** An older release, which does not know the tools, was at work: nothing was changed. */
  | { readonly kind: 'ignored' }
  /** The log could not take the decision. It may be carried out all the same; to ask for it again does no harm. */
  | { readonly kind: 'unavailable'; readonly retryAfterMs: number; readonly cause: string }

export interface ParkedDecision {
  /** Who decided: kept with the decision. */
  readonly principal: string
  /** Why, for whoever reads it later: kept with the decision. */
  readonly note?: string
  /** How long to wait for a worker, milliseconds, default 10,000. */
  readonly timeoutMs?: number
}
