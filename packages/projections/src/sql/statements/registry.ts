import type { Driver } from '@tidemark/store'

/** Tables may be created on a busy machine. */
const DEADLINE_MS = 30_000

/** The id of a version, registered and with its tables, and the hash of the statements that created them. */
export async function registerSqlProjection(
  sql: Driver,
  input: { name: string; version: number; schema: string; hash: string; tables: readonly string[] },
): Promise<{ readonly id: number; readonly hash: string }> {
  const { name, version, schema, hash, tables } = input
  const [row] = await sql.query<{ id: number; hash: string }>(
    'select id, tables_hash as hash from tidemark.register_sql_projection($1, $2, $3, $4, $5)',
    [name, version, schema, hash, JSON.stringify(tables)],
    { deadlineMs: DEADLINE_MS },
  )
  if (row === undefined) throw new Error('tidemark.register_sql_projection returned no row.')
  return row
}

/** Where a version stands in a lane. */
interface SqlPlace {
  readonly position: number
  /** It is `live` from here on. */
  readonly goal: number
  readonly state: 'building' | 'live'
}

/** Brings a version to a lane; see the SQL function. */
export async function enterSql(sql: Driver, input: { projection: number; lane: number }): Promise<SqlPlace> {
  const [row] = await sql.query<SqlPlace>('select place as position, goal, state from tidemark.enter_sql($1, $2)', [
    input.projection,
    input.lane,
  ])
  if (row === undefined) throw new Error('tidemark.enter_sql returned no row.')
  return row
}

/** What a read needs to know of a version in a lane; `undefined` where no worker has come to it yet. */
export async function readSqlPlace(
  sql: Driver,
  input: { projection: number; lane: number },
): Promise<(SqlPlace & { readonly revision: number }) | undefined> {
  const [row] = await sql.query<SqlPlace & { readonly revision: number }>(
    `select c.position, l.goal, l.state, l.revision
       from tidemark.sql_lanes l join tidemark.checkpoints c on c.consumer = 'sql:' || l.projection and c.lane = l.lane
      where l.projection = $1 and l.lane = $2`,
    [input.projection, input.lane],
  )
  return row
}

/** How far a version is behind the log, by lane, on the database's clock. */
export interface SqlLag {
  readonly lane: number
  readonly state: 'building' | 'live'
  readonly position: number
  readonly head: number
  readonly seconds: number
  readonly parked: number
  /** Fingerprint of the code that fills the tables, `null` where it is not known. */
  readonly definition: string | null
}

export async function readSqlLag(sql: Driver, input: { projection: number }): Promise<readonly SqlLag[]> {
  return sql.query<SqlLag>(
    `select l.lane, l.state, c.position, h.head,
            greatest(0, coalesce(extract(epoch from clock_timestamp() - n.recorded_at), 0))::float8 as seconds,
            (select count(*) from tidemark.parked p where p.lane = l.lane and p.projection = l.projection) as parked,
            (select s.definition from tidemark.sql_projections s where s.projection = l.projection) as definition
       from tidemark.sql_lanes l join tidemark.checkpoints c on c.consumer = 'sql:' || l.projection and c.lane = l.lane
      cross join lateral (select coalesce(max(e.position), 0) as head from tidemark.events e where e.lane = l.lane) as h
       left join lateral (select e.recorded_at from tidemark.events e
                           where e.lane = l.lane and e.position > c.position order by e.position limit 1) as n on true
      where l.projection = $1 order by l.lane`,
    [input.projection],
  )
}
