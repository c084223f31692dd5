import type { Driver } from '@tidemark/store'
import type { ParkedUnit } from '../control-event.ts'
import type { ActionRecord } from './settle-parked.ts'

/** Which parked events; a part that is left out does not restrict. */
export interface ParkedFilter {
  readonly tenant?: string
  /** Name of a projection. */
  readonly projection?: string
  /** The row's key, or the stream where an event is parked by stream. */
  readonly key?: string
  /** Full type of the event. */
  readonly type?: string
  readonly reason?: 'unreadable' | 'failed' | 'behind'
}

/** One event that is set aside for one projection. */
export interface ParkedEntry extends ParkedUnit {
  readonly lane: number
  readonly position: number
  readonly version: number
  readonly tenant: string
  readonly stream: string
  readonly type: string
  readonly eventId: string
  /** `unreadable`, `failed`: why it is parked itself; `behind`: it waits for an earlier one of its key. */
  readonly reason: 'unreadable' | 'failed' | 'behind'
  /** Times it was tried. */
  readonly attempts: number
  readonly error: string | null
  /** ISO 8601, UTC. */
  readonly parkedAt: string
}

/** A place in the list: entries are in the order of lanes, then positions, then the projections' registration. */
export interface ParkedPlace {
  readonly lane: number
  readonly position: number
  readonly id: number
}

// Only what a lane is made of now: what a retired version left behind is nobody's to repair.
const FROM = `from tidemark.parked p
       join tidemark.projections n on n.id = p.projection
       join tidemark.projection_lanes l on l.projection = p.projection and l.lane = p.lane and l.state = 'live'
      where ($1::text is null or p.tenant = $1) and ($2::text is null or n.name = $2) and ($3::text is null or p.key = $3)
        and ($4::text is null or p.type = $4) and ($5::text is null or p.reason = $5)`

const parameters = (filter: ParkedFilter): readonly (string | null)[] => [
  filter.tenant ?? null,
  filter.projection ?? null,
  filter.key ?? null,
  filter.type ?? null,
  filter.reason ?? null,
]

export async function listParked(
  sql: Driver,
  input: { filter: ParkedFilter; after: ParkedPlace | null; position: number | null; limit: number },
): Promise<readonly (ParkedEntry & { readonly id: number })[]> {
  const { filter, after, position, limit } = input
  return sql.query<ParkedEntry & { readonly id: number }>(
    `select p.projection as id, n.name as projection, n.version, p.by, p.key, p.lane, p.position, p.tenant, p.stream, p.type,
            p.event_id as "eventId", p.reason, p.attempts, p.error ->> 'message' as error,
            to_char(p.parked_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "parkedAt"
       ${FROM} and ($6::integer is null or (p.lane, p.position, p.projection) > ($6, $7::bigint, $8::integer))
        and ($9::bigint is null or p.position = $9)
      order by p.lane, p.position, p.projection limit $10`,
    [...parameters(filter), after?.lane ?? null, after?.position ?? null, after?.id ?? null, position, limit],
  )
}

/** Keys and streams that have parked events of the filter, those that were parked first come first. */
export async function parkedUnits(
  sql: Driver,
  input: { filter: ParkedFilter; limit: number },
): Promise<readonly (ParkedUnit & { readonly lane: number; readonly tenant: string })[]> {
  return sql.query<ParkedUnit & { readonly lane: number; readonly tenant: string }>(
    `select n.name as projection, p.by, p.key, p.tenant, p.lane
       ${FROM}
      group by n.name, p.by, p.key, p.tenant, p.lane order by min(p.position), 1, 2, 3 limit $6`,
    [...parameters(input.filter), input.limit],
  )
}

/** What became of a control event; `undefined` while it is not carried out. */
export async function readAction(
  sql: Driver,
  input: { lane: number; position: number },
): Promise<ActionRecord | undefined> {
  const [found] = await sql.query<ActionRecord>(
    `select action, principal, settled, skipped, remaining, more from tidemark.parked_actions
      where lane = $1 and position = $2`,
    [input.lane, input.position],
  )
  return found
}
