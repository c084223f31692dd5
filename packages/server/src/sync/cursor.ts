import type { CursorClaims } from '@tidemark/core'
import type { PageRead, PageSnapshot, ProjectionVersion } from '@tidemark/projections'

/** What a cursor is good for: one history of one lane, one tenant, one set of scopes. */
export interface Grant {
  readonly epoch: string
  readonly tenant: string
  readonly lane: number
  /** Sorted, no repeats. */
  readonly scopes: readonly string[]
}

/** Where in the feed a read goes on. */
export type FeedPlace = Pick<PageRead, 'from' | 'mark' | 'full'>

/** Whether the cursor was issued for this grant. One from another history or other scopes is void. */
export function isFor(claims: CursorClaims, grant: Grant): boolean {
  return (
    claims.epoch === grant.epoch &&
    claims.tenant === grant.tenant &&
    claims.lane === grant.lane &&
    isSameList(claims.scopes, grant.scopes)
  )
}

/**
 * Whether the snapshot continues what the cursor's client holds. It does not where the log has another event at the
 * cursor's place or ends before it (a restore), or where other projection versions are live than the client has.
 */
export function isContinuedBy(claims: CursorClaims, snapshot: PageSnapshot): boolean {
  return (
    claims.position <= snapshot.checkpoint &&
    claims.eventId === snapshot.fromEventId &&
    isSameList(claims.projections, snapshot.projections.map(toVersionText).sort())
  )
}

export function placeOf(claims: CursorClaims): FeedPlace {
  const { position, outcomeSeq, page } = claims
  return {
    from: { position, outcomeSeq },
    mark: page === undefined ? null : { changed: page.changed, projection: page.projection, key: page.key },
    full: page?.reset ?? false,
  }
}

/**
 * The cursor behind a page; `before` is the one that the page continues, `null` on the first page of a reset.
 *
 * Inside a long pull the position stays where the pull began: rows and tombstones that change between its pages stand
 * behind the mark and still come. For a reset that place is the checkpoint of its first page: whatever was deleted
 * before it is simply not among the rows, what is deleted after it is told.
 */
export function claimsAfter(grant: Grant, before: CursorClaims | null, snapshot: PageSnapshot): CursorClaims {
  const { epoch, tenant, lane, scopes } = grant
  const reached = {
    position: snapshot.checkpoint,
    eventId: snapshot.checkpointEventId,
    outcomeSeq: snapshot.outcomeSeq,
  }
  const covered = { epoch, tenant, lane, scopes, projections: snapshot.projections.map(toVersionText).sort() }
  if (snapshot.complete || snapshot.last === null) return { ...covered, ...reached }
  const { changed, projection, key } = snapshot.last
  const page = { changed, projection, key, reset: before === null || (before.page?.reset ?? false) }
  if (before === null) return { ...covered, ...reached, page }
  const { position, eventId, outcomeSeq } = before
  return { ...covered, position, eventId, outcomeSeq, page }
}

function toVersionText({ name, version }: ProjectionVersion): string {
  return `${name}@${String(version)}`
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, index) => text === b[index])
}
