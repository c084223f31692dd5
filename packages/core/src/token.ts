/**
 * Opaque marks in a log's history. Only the server that issued one can read it: sealed, they tell a client nothing
 * about its neighbours' volume, and one from another tenant or another history is noticed, never obeyed.
 */

/** Epoch, lane and position that a write reached; a server read may ask to have reached it. */
export type Token = string & { readonly '~token': true }

/** Up to where a client has seen everything in the scopes it was granted. */
export type Cursor = string & { readonly '~cursor': true }

/** What a sealed token says. */
export interface TokenClaims {
  readonly epoch: string
  readonly tenant: string
  readonly lane: number
  readonly position: number
}

/** What a sealed cursor says. */
export interface CursorClaims extends TokenClaims {
  /** Id of the event at `position`, `''` at 0: a restored log has another one there, and that is how it is noticed. */
  readonly eventId: string
  /** Highest outcome sequence number seen; outcomes without events have no position of their own. */
  readonly outcomeSeq: number
  /** The scopes granted when it was issued, sorted. */
  readonly scopes: readonly string[]
  /** The projection versions it covers, `name@version`, sorted. */
  readonly projections: readonly string[]
  /** In the middle of a long pull: the last row handed out. Absent at a consistent cut. */
  readonly page?: PageMark
}

/** Keyset of the last row of a page that did not reach the cut. */
export interface PageMark {
  /** The cursor's own position is where the pull started; rows after it and up to the cut are on their way. */
  readonly changed: number
  readonly projection: string
  readonly key: string
  /** The pull replaces all rows the client holds. */
  readonly reset: boolean
  /** The pull replaces these parts of them. */
  readonly renews?: Renewal
}

/**
 * Parts of the rows that a pull sends anew because what the client may see, or can read, is not what its cursor covers:
 * what it holds of them gives way at the cut. A scope that was taken away is one of which nothing is sent.
 */
export interface Renewal {
  readonly scopes: readonly string[]
  /** Names of projections. */
  readonly projections: readonly string[]
}
