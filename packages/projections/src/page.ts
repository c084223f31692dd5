import type { Json, Renewal, WireOutcome } from '@tidemark/core'

/** What a reader of pages asks for. Positions are the feed's, inside the tenant's lane. */
export interface PageRead {
  readonly tenant: string
  readonly lane: number
  /** Granted to the caller; rows and tombstones of other scopes are not looked at. */
  readonly scopes: readonly string[]
  /** Versions that are not live in the lane contribute nothing: see {@link PageSnapshot.projections}. */
  readonly projections: readonly ProjectionVersion[]
  /** The consistent cut that the client has. In a full pull, from its second page on: the checkpoint of the first. */
  readonly from: { readonly position: number; readonly outcomeSeq: number }
  /** The last entry handed out, in the middle of a long pull; `null` on its first page. */
  readonly mark: PagePlace | null
  /** The client starts with nothing: rows of any age are sent, and only tombstones made since the pull began. */
  readonly full: boolean
  /** Of these, rows of any age are sent: the client holds none that count. Default: none. */
  readonly anew?: Renewal
  /** Most rows and removals in the page. It may hold fewer: it also ends after some 1 MB. */
  readonly limit: number
  readonly outcomes: OutcomeRead
}

export interface ProjectionVersion {
  readonly name: string
  readonly version: number
}

/** A place in the order of entries: by `changed`, then projection, then key (both byte by byte). */
export interface PagePlace {
  readonly changed: number
  readonly projection: string
  readonly key: string
}

/** Whose outcomes a complete page carries. */
export type OutcomeRead =
  | { readonly kind: 'none' }
  /** Of these commands, whenever they were settled. */
  | { readonly kind: 'awaiting'; readonly principal: string; readonly commands: readonly string[] }
  /** Of this device's commands since `from`. */
  | { readonly kind: 'device'; readonly principal: string; readonly device: string }

/** One page, all of it read in one snapshot of the database. */
export interface PageSnapshot {
  /** The lane's synced checkpoint: no row, removal or outcome of the page is newer. */
  readonly checkpoint: number
  /** Id of the event at the checkpoint, `''` at 0. */
  readonly checkpointEventId: string
  /** Id of the event that is at `from.position` now, `''` where there is none: another one than the client saw means another history. */
  readonly fromEventId: string
  /**
   * Removals up to here may be missing: they are not kept any more. A reader whose cut is before it must begin anew, however
   * the page looks.
   */
  readonly horizon: number
  /** Outcomes up to here are covered by a complete page of kind `device`; the next read starts `from` it. */
  readonly outcomeSeq: number
  /** Nothing is left up to the checkpoint: with the pages before it, the page is a consistent cut. */
  readonly complete: boolean
  /** Rows that are left, roughly; each projection and scope counts up to 10,000. */
  readonly remaining: number
  /**
   * The asked versions that are live in the lane. A client may believe to be up to date only in these: a cursor must
   * name them, and a pull whose set differs from its cursor's must begin again.
   */
  readonly projections: readonly ProjectionVersion[]
  readonly rows: readonly PageRow[]
  readonly removals: readonly PagePlace[]
  readonly outcomes: readonly WireOutcome[]
  /** Where the next page of this pull goes on, `null` where the page held nothing. */
  readonly last: PagePlace | null
}

export interface PageRow extends PagePlace {
  readonly scope: string
  readonly row: Json
  /** Later events of this row are parked: it may be behind. */
  readonly stale: boolean
}
