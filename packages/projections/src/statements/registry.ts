import type { Driver } from '@tidemark/store'

/** Deleting the rows of an earlier life and creating partitions may wait for readers. */
const DEADLINE_MS = 30_000

/** The id of a projection version, registered and with its partition. */
export async function registerProjection(sql: Driver, input: { name: string; version: number }): Promise<number> {
  const [row] = await sql.query<{ id: number }>(
    'select tidemark.register_projection($1, $2) as id',
    [input.name, input.version],
    { deadlineMs: DEADLINE_MS },
  )
  if (row === undefined) throw new Error('tidemark.register_projection returned no row.')
  return row.id
}

/** A projection version at work in a lane. */
export interface LaneVersion {
  readonly id: number
  readonly name: string
  readonly version: number
  readonly state: 'building' | 'live'
}

/** Brings a worker's projection versions to a lane; see the SQL function. Returns what is at work there then. */
export async function enterLane(
  sql: Driver,
  input: { lane: number; own: readonly number[]; retireOthers: boolean },
): Promise<readonly LaneVersion[]> {
  return sql.query<LaneVersion>('select id, name, version, state from tidemark.enter_lane($1, $2, $3)', [
    input.lane,
    `{${input.own.join(',')}}`,
    input.retireOthers,
  ])
}

/** Where a build stands; `null` while rows of an earlier life are still being taken away, a bounded number per call. */
export async function beginBuild(sql: Driver, input: { lane: number; projection: number }): Promise<number | null> {
  const [row] = await sql.query<{ position: number | null }>(
    'select tidemark.begin_build($1, $2, $3) as position',
    [input.lane, input.projection, 5_000],
    { deadlineMs: DEADLINE_MS },
  )
  return row?.position ?? null
}

/** Makes a built version live where it stands at the synced checkpoint. */
export async function switchLive(
  sql: Driver,
  input: { lane: number; projection: number },
): Promise<'live' | 'behind' | 'gone'> {
  const [row] = await sql.query<{ answer: 'live' | 'behind' | 'gone' }>(
    'select tidemark.switch_live($1, $2) as answer',
    [input.lane, input.projection],
  )
  if (row === undefined) throw new Error('tidemark.switch_live returned no row.')
  return row.answer
}

/** The versions that pages of a lane are made of. A lane without any entry has none yet. */
export async function liveVersions(
  sql: Driver,
  input: { lane: number },
): Promise<readonly { name: string; version: number }[]> {
  return sql.query<{ name: string; version: number }>(
    `select p.name, p.version from tidemark.projection_lanes l join tidemark.projections p on p.id = l.projection
      where l.lane = $1 and l.state = 'live' order by p.name, p.version`,
    [input.lane],
  )
}
