import type { AnyProjection } from '@tidemark/core'
import type { Driver } from '@tidemark/store'
import { placementOf } from '../definition.ts'

/** Creating a partition may wait for readers. */
const DEADLINE_MS = 30_000

/** The id of a projection version, registered and with its partition. */
export async function registerProjection(sql: Driver, projection: AnyProjection): Promise<number> {
  const [row] = await sql.query<{ id: number }>(
    'select tidemark.register_projection($1, $2, $3) as id',
    [projection.name, projection.version, placementOf(projection) ?? ''],
    { deadlineMs: DEADLINE_MS },
  )
  if (row === undefined) throw new Error('tidemark.register_projection returned no row.')
  return row.id
}

/** A projection version that is live in a lane. */
export interface LaneVersion {
  readonly id: number
  readonly name: string
  readonly version: number
}

/** Brings a worker's projection versions to a lane; see the SQL function. Returns what is live there then. */
export async function enterLane(
  sql: Driver,
  input: {
    lane: number
    own: readonly { readonly id: number; readonly definition: string }[]
    retireOthers: boolean
    holder: string
  },
): Promise<readonly LaneVersion[]> {
  const { lane, own, retireOthers, holder } = input
  return sql.query<LaneVersion>('select id, name, version from tidemark.enter_lane($1, $2, $3, $4, $5)', [
    lane,
    `{${own.map(({ id }) => id).join(',')}}`,
    own.map(({ definition }) => definition).join('\n'),
    retireOthers,
    holder,
  ])
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
