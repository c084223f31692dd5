import type { CursorClaims, Renewal } from '@tidemark/core'
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

/** Whether the cursor is one of this tenant's log. One of another tenant or another history is void. */
export function isOfLog(claims: CursorClaims, grant: Grant): boolean {
  return claims.epoch === grant.epoch && claims.tenant === grant.tenant && claims.lane === grant.lane
}

/** Whether the cursor covers just the scopes that are granted. */
export function isFor(claims: CursorClaims, grant: Grant): boolean {
  return isOfLog(claims, grant) && isSameList(claims.scopes, grant.scopes)
}

/**
 * Whether the snapshot is a later moment of what the cursor's client holds. It is not where the log has another event
 * at the cursor's place or ends before it: a restore.
 */
export function isSameHistory(claims: CursorClaims, snapshot: PageSnapshot): boolean {
  return claims.position <= snapshot.checkpoint && claims.eventId === snapshot.fromEventId
}

/**
 * Whether the snapshot leads on from what the cursor's client holds: the same history, and every removal since is still there
 * to be told. Where one may be missing, only a reset is true.
 */
export function leadsOn(claims: CursorClaims, snapshot: PageSnapshot): boolean {
  return isSameHistory(claims, snapshot) && claims.position >= snapshot.horizon
}

/** A crash of the database takes back less than a second of rows; what is further behind is no crash. Positions. */
const TAKEN_BACK = 100_000

/**
 * Whether the rows are those of an earlier moment of the same history, and about to come: a crash of the database has taken
 * back the newest of them, the log still has the event that the cursor has seen.
 */
export function isAheadOf(claims: CursorClaims, snapshot: PageSnapshot): boolean {
  const ahead = claims.position - snapshot.checkpoint
  return ahead > 0 && ahead <= TAKEN_BACK && claims.eventId === snapshot.fromEventId
}

/** Whether the snapshot continues what the client holds with the same projection versions. */
export function isContinuedBy(claims: CursorClaims, snapshot: PageSnapshot): boolean {
  return leadsOn(claims, snapshot) && isSameList(claims.projections, snapshot.projections.map(toVersionText).sort())
}

/** What the cut behind the cursor does not cover of what is granted and asked for now. */
export function uncovered(claims: CursorClaims, grant: Grant, asked: readonly ProjectionVersion[]): Renewal {
  return {
    scopes: grant.scopes.filter((scope) => !claims.scopes.includes(scope)),
    projections: asked.filter((each) => !claims.projections.includes(toVersionText(each))).map(({ name }) => name),
  }
}

/**
 * What the client must replace at the next cut; `undefined` where it is nothing. Beside what comes anew: scopes that
 * were taken away and projections it has no more use for. A projection whose version is not live at present stays as it
 * is: rows that are behind are better than none.
 */
export function renewalOf(
  claims: CursorClaims,
  grant: Grant,
  asked: readonly ProjectionVersion[],
  snapshot: PageSnapshot,
): Renewal | undefined {
  const anew = uncovered(claims, grant, asked)
  const live = new Set(snapshot.projections.map(({ name }) => name))
  const wanted = new Set(asked.map(({ name }) => name))
  const known = claims.projections.map((text) => text.slice(0, text.lastIndexOf('@')))
  const scopes = [...anew.scopes, ...claims.scopes.filter((scope) => !grant.scopes.includes(scope))]
  const projections = [
    ...anew.projections.filter((name) => live.has(name)),
    ...known.filter((name) => !wanted.has(name)),
  ]
  return scopes.length + projections.length === 0 ? undefined : { scopes, projections }
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
 * `renews` is what the pull replaces, if only a part.
 *
 * Inside a long pull the position stays where the pull began: rows and tombstones that change between its pages stand
 * behind the mark and still come. For a reset that place is the checkpoint of its first page: whatever was deleted
 * before it is simply not among the rows, what is deleted after it is told.
 */
export function claimsAfter(
  grant: Grant,
  before: CursorClaims | null,
  snapshot: PageSnapshot,
  renews?: Renewal,
): CursorClaims {
  const { epoch, tenant, lane, scopes } = grant
  const reached = {
    position: snapshot.checkpoint,
    eventId: snapshot.checkpointEventId,
    outcomeSeq: snapshot.outcomeSeq,
  }
  const covered = { epoch, tenant, lane, scopes, projections: snapshot.projections.map(toVersionText).sort() }
  if (snapshot.complete || snapshot.last === null) return { ...covered, ...reached }
  const { changed, projection, key } = snapshot.last
  const reset = before === null || (before.page?.reset ?? false)
  const page = { changed, projection, key, reset, ...(renews === undefined ? {} : { renews }) }
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
