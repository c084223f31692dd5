import type { Driver } from '@tidemark/store'
import type { BuildOrigin } from '../choose-origin.ts'
import type { BuildPurpose } from '../next-build-step.ts'
import type { BuildState, Comparison, KeyDifference } from './builds.ts'

/** What a build came to. */
export type BuildResult =
  /** Of a rebuild or a way back: keys that clients hear of, as their rows differ from those that were live. */
  | { readonly told: number }
  /** Of a trial: see {@link Comparison}; `keys` are the first that differ. */
  | (Comparison & { readonly keys: readonly KeyDifference[] })

/** How far a build is. */
export interface BuildProgress {
  readonly id: number
  readonly lane: number
  readonly projection: string
  readonly version: number
  readonly purpose: BuildPurpose
  readonly state: BuildState
  /** Events folded of `goal`; in parts, on average. */
  readonly folded: number
  readonly goal: number
  /** Events per second since it began or was resumed. */
  readonly rate: number
  /** Seconds that it still takes at this rate, `null` where that cannot be told. */
  readonly etaSeconds: number | null
  readonly parts: number
  /** What it began from: the log, or the rows of a snapshot or of the version that it upgrades, as of `originPosition`. */
  readonly origin: BuildOrigin['kind']
  readonly originPosition: number
  /** Why rows that it might have begun from were not taken; `null` where nothing is to be said. */
  readonly originNote: string | null
  /** Why it is held. */
  readonly detail: string | null
  readonly result: BuildResult | null
}

/** A build, whether it is under way or over. `undefined` where there never was one. */
export async function readProgress(
  sql: Driver,
  input: { readonly lane: number; readonly id: number },
): Promise<BuildProgress | undefined> {
  const [found] = await sql.query<Omit<BuildProgress, 'etaSeconds'>>(
    `select b.projection as id, b.lane, n.name as projection, n.version, b.purpose, b.state, b.detail,
            b.origin, b.origin_position as "originPosition", b.origin_note as "originNote",
            case when b.state = 'done' then b.result end as result,
            coalesce(at.folded, case when b.state = 'done' then s.position else 0 end, 0)::float8 as folded, coalesce(s.position, 0) as goal,
            coalesce(nullif(at.parts, 0), 1) as parts,
            case when b.state = 'running' and at.folded > b.begun_position
                 then ((at.folded - b.begun_position) / greatest(extract(epoch from clock_timestamp() - b.begun_at), 0.001))::float8
                 else 0 end as rate
       from tidemark.builds b
       join tidemark.projections n on n.id = b.projection
       left join tidemark.checkpoints s on s.consumer = 'synced' and s.lane = b.lane
      cross join lateral (
        select avg(c.position) as folded, count(*) as parts from tidemark.checkpoints c
         where c.lane = b.lane and (c.consumer = 'build:' || b.projection or c.consumer like 'build:' || b.projection || ':%')) as at
      where b.lane = $1 and b.projection = $2`,
    [input.lane, input.id],
  )
  if (found === undefined) return undefined
  const folded = Math.floor(found.folded)
  const etaSeconds = found.rate > 0 ? Math.ceil((found.goal - folded) / found.rate) : null
  return { ...found, folded, rate: Math.round(found.rate), etaSeconds }
}

export interface LiveVersion {
  readonly id: number
  readonly lane: number
  readonly projection: string
  readonly version: number
  readonly checkpoint: number
  /** Fingerprint of the code that folded its rows from their start, `null` where that is not known. */
  readonly definition: string | null
  /** Who paused the lane. */
  readonly pausedBy: string | null
  /** The version that it can be taken back to. */
  readonly before: number | null
  /** The build of this name that is under way. */
  readonly build: number | null
}

export async function readLiveVersions(sql: Driver): Promise<readonly LiveVersion[]> {
  return sql.query<LiveVersion>(
    `select l.projection as id, l.lane, n.name as projection, n.version, coalesce(s.position, 0) as checkpoint, l.definition,
            (select substr(e.holder, 11) from tidemark.leases e
              where e.consumer = 'synced' and e.lane = l.lane and e.holder like 'paused by %') as "pausedBy",
            (select o.version from tidemark.projection_lanes r join tidemark.projections o on o.id = r.projection
              where r.lane = l.lane and r.replaced_by = l.projection and r.state = 'retired' and r.since >= 0
              order by r.since desc limit 1) as before,
            (select r.projection from tidemark.projection_lanes r join tidemark.projections o on o.id = r.projection
              where r.lane = l.lane and o.name = n.name and r.state = 'building' limit 1) as build
       from tidemark.projection_lanes l
       join tidemark.projections n on n.id = l.projection
       left join tidemark.checkpoints s on s.consumer = 'synced' and s.lane = l.lane
      where l.state = 'live' order by l.lane, n.name, n.version`,
  )
}

/** The code as it is now gives the rows that are there: it is what they are of. */
export async function acceptDefinition(
  sql: Driver,
  input: { readonly lane: number; readonly id: number; readonly definition: string },
): Promise<void> {
  await sql.query('update tidemark.projection_lanes set definition = $3 where lane = $1 and projection = $2', [
    input.lane,
    input.id,
    input.definition,
  ])
}

/** Takes a lane's live projections out of everybody's hands. */
export async function pauseLane(sql: Driver, input: { lane: number; principal: string }): Promise<void> {
  await sql.query('select tidemark.pause_lane($1, $2)', [input.lane, input.principal])
}

/** `false` where the lane is not paused. */
export async function resumeLane(sql: Driver, input: { lane: number }): Promise<boolean> {
  const [found] = await sql.query<{ resumed: boolean }>('select tidemark.resume_lane($1) as resumed', [input.lane])
  return found?.resumed === true
}
