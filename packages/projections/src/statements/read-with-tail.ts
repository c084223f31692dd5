import type { StoredEvent } from '@tidemark/core'
import type { Driver } from '@tidemark/store'

/** A row as projected, and the events of its stream that are not folded yet: one snapshot. */
export interface RowWithTail {
  /** In the catalogue. */
  readonly id: number
  readonly text: string | null
  readonly scope: string | null
  readonly position: number | null
  readonly changed: number | null
  /** Events of the stream are parked: what is stored is behind, and newer events cannot be folded over it. */
  readonly parked: boolean
  /** Oldest first. */
  readonly tail: readonly StoredEvent[]
}

/** `undefined` where the version is not live in the lane. */
export async function readWithTail(
  sql: Driver,
  read: { tenant: string; lane: number; projection: string; version: number; stream: string; limit: number },
): Promise<RowWithTail | undefined> {
  const [found] = await sql.query<RowWithTail>(
    `select p.id, r.row::text as text, r.scope, r.position, r.changed,
            exists (select from tidemark.parked k where k.tenant = $1 and k.key = $5 and k.projection = p.id) as parked,
            coalesce((
              select json_agg(json_build_object(
                       'id', e.id, 'type', e.type, 'schema', e.schema, 'data', e.data, 'metadata', e.metadata, 'lane', e.lane,
                       'position', e.position, 'tenant', e.tenant, 'stream', e.stream, 'version', e.version,
                       'principal', e.principal, 'device', e.device, 'command', e.command_id,
                       'occurredAt', to_char(e.occurred_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
                       'recordedAt', to_char(e.recorded_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
                     order by e.version)
                from tidemark.stream_tail($1, $5, c.position, $6) as e), '[]') as tail
       from tidemark.projections p
       join tidemark.projection_lanes l on l.projection = p.id and l.lane = $2 and l.state = 'live'
       join tidemark.checkpoints c on c.consumer = 'synced' and c.lane = l.lane
       left join tidemark.rows r on r.projection = p.id and r.tenant = $1 and r.key = $5
      where p.name = $3 and p.version = $4`,
    [read.tenant, read.lane, read.projection, read.version, read.stream, read.limit],
  )
  return found
}
