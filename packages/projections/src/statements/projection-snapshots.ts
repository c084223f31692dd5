import type { Driver } from '@tidemark/store'

/** A snapshot of a version's rows in a lane. */
export interface ProjectionSnapshot {
  readonly id: number
  readonly lane: number
  readonly projection: string
  readonly version: number
  /** A build that begins from it goes on after this position. */
  readonly position: number
  readonly rows: number
  /** Length of its texts in characters, before the database compresses them. */
  readonly length: number
  /** When it was begun; ISO. */
  readonly at: string
  /** `outdated`: of another epoch of the log, or from before a decision about an event that it holds. Not begun from. */
  readonly state: 'taking' | 'ready' | 'damaged' | 'outdated'
  /** Fingerprint of the code that folded its rows. */
  readonly definition: string
}

export async function readSnapshots(sql: Driver): Promise<readonly ProjectionSnapshot[]> {
  return sql.query<ProjectionSnapshot>(
    `select s.id, s.lane, n.name as projection, n.version, s.position, s.rows, s.length, s.definition,
            to_char(s.begun_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at,
            case when s.state = 'ready' and (tidemark.is_outdated(s.lane, n.name, s.position)
                        or not exists (select from tidemark.log l where l.epoch = s.epoch)) then 'outdated'
                 else s.state end as state
       from tidemark.projection_snapshots s
       join tidemark.projections n on n.id = s.projection
      order by s.lane, n.name, n.version, s.position, s.id`,
  )
}

/** A live version in a lane, and the newest snapshot of its code there. */
export interface SnapshotCandidate {
  readonly id: number
  readonly lane: number
  readonly projection: string
  readonly version: number
  readonly definition: string | null
  readonly checkpoint: number
  /** Position of the newest usable snapshot, 0 where there is none. */
  readonly position: number
  /** Seconds since it was begun, by the database's clock; `null` where there is none. */
  readonly ageSeconds: number | null
}

export async function readCandidates(sql: Driver): Promise<readonly SnapshotCandidate[]> {
  return sql.query<SnapshotCandidate>(
    `select l.projection as id, l.lane, n.name as projection, n.version, l.definition, c.position as checkpoint,
            coalesce(s.position, 0) as position, extract(epoch from clock_timestamp() - s.begun_at)::float8 as "ageSeconds"
       from tidemark.projection_lanes l
       join tidemark.projections n on n.id = l.projection
       join tidemark.checkpoints c on c.consumer = 'synced' and c.lane = l.lane
       left join lateral (
         select s.position, s.begun_at from tidemark.projection_snapshots s
           join tidemark.projections o on o.id = s.projection and o.name = n.name and o.version = n.version
          where s.lane = l.lane and s.state = 'ready' and s.definition = l.definition
            and s.epoch = (select g.epoch from tidemark.log g) and not tidemark.is_outdated(s.lane, n.name, s.position)
          order by s.position desc limit 1) as s on true
      where l.state = 'live' order by l.lane, n.name, n.version`,
  )
}

/** The id of a snapshot that was begun, `null` where the live rows are not of this code. */
export async function beginSnapshot(
  sql: Driver,
  input: { readonly lane: number; readonly id: number; readonly definition: string },
): Promise<number | null> {
  const [found] = await sql.query<{ id: number | null }>('select tidemark.begin_snapshot($1, $2, $3) as id', [
    input.lane,
    input.id,
    input.definition,
  ])
  return found?.id ?? null
}

/** Where a copy stands: behind all keys up to this one. */
export interface CopyPlace {
  readonly tenant: string
  readonly key: string
}

export async function takePortion(
  sql: Driver,
  input: { readonly snapshot: number; readonly after: CopyPlace; readonly limit: number },
): Promise<CopyPlace & { readonly kind: 'more' | 'all' | 'gone'; readonly copied: number; readonly size: number }> {
  const [found] = await sql.query<
    CopyPlace & { readonly kind: 'more' | 'all' | 'gone'; readonly copied: number; readonly size: number }
  >('select kind, tenant, key, copied, size from tidemark.take_portion($1, $2, $3, $4)', [
    input.snapshot,
    input.after.tenant,
    input.after.key,
    input.limit,
  ])
  if (found === undefined) throw new Error('tidemark.take_portion returned no row.')
  return found
}

const DEADLINE_MS = 60_000

/** Makes it usable, if nothing came in between; see the SQL function. */
export async function finishSnapshot(
  sql: Driver,
  input: { readonly snapshot: number; readonly keep: number },
): Promise<'ready' | 'disturbed' | 'gone'> {
  const [found] = await sql.query<{ answer: 'ready' | 'disturbed' | 'gone' }>(
    'select tidemark.finish_snapshot($1, $2) as answer',
    [input.snapshot, input.keep],
    { deadlineMs: DEADLINE_MS },
  )
  return found?.answer ?? 'gone'
}

/** Drops all snapshots of a version in a lane. Returns how many. */
export async function dropSnapshots(
  sql: Driver,
  input: { readonly lane: number; readonly name: string; readonly version: number },
): Promise<number> {
  const dropped = await sql.query(
    `delete from tidemark.projection_snapshots s using tidemark.projections n
      where n.id = s.projection and s.lane = $1 and n.name = $2 and n.version = $3 returning s.id`,
    [input.lane, input.name, input.version],
    { deadlineMs: DEADLINE_MS },
  )
  return dropped.length
}
