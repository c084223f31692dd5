import {
  PROTOCOL_VERSION,
  type CursorClaims,
  type Domain,
  type EventStore,
  type LiveRequest,
  type Page,
  type Principal,
  type PullReply,
  type PullRequest,
  type Renewal,
  type UpgradeRequired,
  type WireOutcome,
} from '@tidemark/core'
import type { PageSnapshot, Projections, ProjectionVersion } from '@tidemark/projections'
import type { Sealer } from '../seal.ts'
import {
  claimsAfter,
  isAheadOf,
  isContinuedBy,
  isFor,
  isOfLog,
  isSameHistory,
  leadsOn,
  placeOf,
  renewalOf,
  uncovered,
  type Grant,
} from './cursor.ts'

export interface FeedOptions {
  readonly domain: Pick<Domain, 'projectionsByName'>
  readonly store: Pick<EventStore, 'epoch' | 'head' | 'laneOf' | 'results'>
  readonly projections: Pick<Projections, 'readPage' | 'liveVersions'>
  readonly sealer: Sealer
  /** The scopes a principal may see. */
  readonly scopesOf: (principal: Principal) => readonly string[]
  readonly now: () => number
}

/** What a live stream found when it looked. */
export type Followed =
  | { readonly kind: 'page'; readonly page: Page; readonly claims: CursorClaims }
  | { readonly kind: 'nothing'; readonly claims: CursorClaims }
  /** The cursor is void, or too far behind for a stream. */
  | { readonly kind: 'pull' }

/** The tenant's rows and the device's outcomes, page by page. */
export interface Feed {
  pull(principal: Principal, request: PullRequest): Promise<PullReply>
  /** The claims of a live request's cursor; `null` where it is void. */
  open(principal: Principal, cursor: string): Promise<CursorClaims | null>
  /** What came since `claims`. `since` is the cursor the client holds. */
  follow(principal: Principal, request: LiveRequest, since: string, claims: CursorClaims): Promise<Followed>
}

const DEFAULT_LIMIT = 500
const LIVE_LIMIT = 1_000
/** Further behind than this, a stream would only delay what a pull does in order. Positions. */
const LIVE_REACH = 5_000
/** More than an app can declare in good faith. */
const MAX_PROJECTIONS = 500
/** Positions before the head whose outcomes a reset tells unasked: commands that overtook the request. */
const OVERTAKING = 1_000
const BUILDING_RETRY_MS = 1_000
const BEHIND_RETRY_MS = 1_000

export function createFeed(options: FeedOptions): Feed {
  const { store, projections, sealer, scopesOf, now } = options

  const grantOf = async (principal: Principal): Promise<Grant> => {
    const { tenant } = principal
    const [epoch, lane] = await Promise.all([store.epoch(), store.laneOf(tenant)])
    return { epoch, tenant, lane, scopes: [...new Set(scopesOf(principal))].sort() }
  }

  const toPage = (
    grant: Grant,
    since: string | null,
    snapshot: PageSnapshot,
    claims: CursorClaims,
    more: {
      readonly reset: boolean
      readonly restored?: boolean
      readonly renews?: Renewal | undefined
      readonly outcomes: readonly WireOutcome[]
    },
  ): Page => ({
    kind: 'page',
    since,
    cursor: sealer.cursor(claims),
    complete: snapshot.complete,
    // On every page of a reset, up to its cut.
    reset: more.reset,
    ...(more.restored === true ? { restored: true } : {}),
    ...(more.renews === undefined
      ? {}
      : { renews: { scopes: [...more.renews.scopes], projections: [...more.renews.projections] } }),
    rows: snapshot.rows.map(({ projection, key, scope, row, stale }) => ({
      projection,
      key,
      scope,
      row,
      ...(stale ? { stale } : {}),
    })),
    removals: snapshot.removals.map(({ projection, key }) => ({ projection, key })),
    outcomes: [...more.outcomes],
    scopes: [...grant.scopes],
    remaining: snapshot.remaining,
    now: new Date(now()).toISOString(),
  })

  /**
   * Outcomes of a complete page: the device's since its cursor, which the snapshot holds, and those that the client
   * asks for by name because it may have missed them. The latter may be read after the snapshot: what the log holds
   * up to the checkpoint never changes.
   */
  const outcomesOf = async (
    principal: Principal,
    snapshot: PageSnapshot,
    awaiting: readonly string[],
  ): Promise<readonly WireOutcome[]> => {
    if (!snapshot.complete) return []
    const told = new Set(snapshot.outcomes.map((outcome) => outcome.command))
    const missing = awaiting.filter((command) => !told.has(command))
    if (missing.length === 0) return snapshot.outcomes
    const results = await store.results(principal.tenant, principal.id, missing)
    const asked = [...results].flatMap(([command, result]): readonly WireOutcome[] => {
      if (result.position > snapshot.checkpoint) return []
      const { stream } = result
      return result.kind === 'accepted'
        ? [{ kind: 'accepted', command, stream, version: result.version }]
        : [{ kind: 'refused', command, stream, code: result.code, params: { ...result.params } }]
    })
    return [...snapshot.outcomes, ...asked]
  }

  return {
    pull: async (principal, request) => {
      const grant = await grantOf(principal)
      const asked = toVersions(request.projections)
      const read = {
        tenant: grant.tenant,
        lane: grant.lane,
        scopes: grant.scopes,
        projections: asked,
        limit: request.limit ?? DEFAULT_LIMIT,
        outcomes: { kind: 'device' as const, principal: principal.id, device: request.device },
      }
      const opened = request.cursor === null ? null : sealer.openCursor(grant.tenant, request.cursor)
      // A cursor that cannot be opened may be of any history; to offer again what is known does no harm.
      let isHistoryLost = request.cursor !== null && opened?.epoch !== grant.epoch
      const continued = async (claims: CursorClaims): Promise<PullReply | undefined> => {
        const { page } = claims
        const anew = page === undefined ? uncovered(claims, grant, asked) : page.renews
        const snapshot = await projections.readPage({
          ...read,
          ...placeOf(claims),
          ...(anew === undefined ? {} : { anew }),
        })
        if (isAheadOf(claims, snapshot)) return { kind: 'retry', after: BEHIND_RETRY_MS, reason: 'unavailable' }
        if (snapshot.projections.length > 0 && !isSameHistory(claims, snapshot)) isHistoryLost = true
        // From the middle of a pull, things can only go on as they began.
        const fits = page === undefined ? leadsOn(claims, snapshot) : isContinuedBy(claims, snapshot)
        if (snapshot.projections.length === 0 || !fits) return undefined
        const renews = page === undefined ? renewalOf(claims, grant, asked, snapshot) : page.renews
        const outcomes = await outcomesOf(principal, snapshot, request.awaiting)
        const next = claimsAfter(grant, claims, snapshot, renews)
        return toPage(grant, request.cursor, snapshot, next, { reset: page?.reset ?? false, renews, outcomes })
      }
      if (opened !== null && (opened.page === undefined ? isOfLog(opened, grant) : isFor(opened, grant))) {
        const page = await continued(opened)
        if (page !== undefined) return page
      }
      // Everything anew. Outcomes are told by name, and unasked only for the newest events: a command that was sent
      // after this request, but stored before it was answered, is in the rows and must be in the outcomes.
      const from = {
        position: Math.max(0, (await store.head(grant.lane)) - OVERTAKING),
        outcomeSeq: Number.MAX_SAFE_INTEGER,
      }
      const snapshot = await projections.readPage({ ...read, from, mark: null, full: true })
      if (snapshot.projections.length === 0) return noneLive(options, grant.lane, asked)
      const outcomes = await outcomesOf(principal, snapshot, request.awaiting)
      // It takes the place of a cut that the client has. A cursor from the middle of a pull must not look continued by
      // it, though: what was staged under that one is void, and `null` says that everything begins here.
      const since = opened === null || opened.page !== undefined ? null : request.cursor
      return toPage(grant, since, snapshot, claimsAfter(grant, null, snapshot), {
        reset: true,
        restored: isHistoryLost,
        outcomes,
      })
    },

    open: async (principal, cursor) => {
      const claims = sealer.openCursor(principal.tenant, cursor)
      // One from the middle of a pull: the stream may go on only from a consistent cut.
      if (claims === null || claims.page !== undefined) return null
      return isFor(claims, await grantOf(principal)) ? claims : null
    },

    follow: async (principal, request, since, claims) => {
      const grant = await grantOf(principal)
      if (!isFor(claims, grant)) return { kind: 'pull' }
      const snapshot = await projections.readPage({
        tenant: grant.tenant,
        lane: grant.lane,
        scopes: grant.scopes,
        projections: toVersions(request.projections),
        limit: LIVE_LIMIT,
        outcomes: { kind: 'device', principal: principal.id, device: request.device },
        ...placeOf(claims),
      })
      if (isAheadOf(claims, snapshot)) return { kind: 'nothing', claims }
      if (!isContinuedBy(claims, snapshot) || snapshot.projections.length === 0) return { kind: 'pull' }
      if (!snapshot.complete || snapshot.checkpoint - claims.position > LIVE_REACH) return { kind: 'pull' }
      const next = claimsAfter(grant, claims, snapshot)
      const { rows, removals, outcomes } = snapshot
      if (rows.length + removals.length + outcomes.length === 0) return { kind: 'nothing', claims: next }
      return { kind: 'page', page: toPage(grant, since, snapshot, next, { reset: false, outcomes }), claims: next }
    },
  }
}

function toVersions(projections: Readonly<Record<string, number>>): readonly ProjectionVersion[] {
  return Object.entries(projections)
    .slice(0, MAX_PROJECTIONS)
    .map(([name, version]) => ({ name, version }))
}

/**
 * Nothing that the client knows can be read now. Versions that are still being built here, or that newer servers
 * will have, come in time; what no server will have again needs a newer client.
 */
async function noneLive(
  { projections, domain }: Pick<FeedOptions, 'projections' | 'domain'>,
  lane: number,
  asked: readonly ProjectionVersion[],
): Promise<UpgradeRequired | Extract<PullReply, { kind: 'retry' }>> {
  const newestByName = new Map<string, number>()
  for (const { name, version } of await projections.liveVersions(lane)) {
    newestByName.set(name, Math.max(version, newestByName.get(name) ?? 0))
  }
  const isComing = asked.some(({ name, version }) => {
    const newest = newestByName.get(name)
    return domain.projectionsByName.get(name)?.version === version || (newest !== undefined && version > newest)
  })
  return isComing
    ? { kind: 'retry', after: BUILDING_RETRY_MS, reason: 'unavailable' }
    : { kind: 'upgrade', protocol: PROTOCOL_VERSION }
}
