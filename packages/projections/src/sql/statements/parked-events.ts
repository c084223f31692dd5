import type { Json } from '@tidemark/core'
import type { Driver } from '@tidemark/store'
import type { ParkedReason } from '../../park-reason.ts'
import { toStorable } from '../../statements/commit-batch.ts'

/** One event that is set aside for a SQL projection. */
export interface SqlParked {
  readonly lane: number
  readonly position: number
  readonly tenant: string
  readonly stream: string
  readonly type: string
  readonly eventId: string
  /** Why it is parked itself; `behind`: it waits for an earlier one of its stream. */
  readonly reason: ParkedReason
  /** Times it was tried. */
  readonly attempts: number
  readonly error: string | null
}

/** A version's parked events in log order, those after a place. */
export async function readSqlParked(
  sql: Driver,
  input: { projection: number; after: { readonly lane: number; readonly position: number }; limit: number },
): Promise<readonly SqlParked[]> {
  return sql.query<SqlParked>(
    `select p.lane, p.position, p.tenant, p.stream, p.type, p.event_id as "eventId", p.reason, p.attempts,
            p.error ->> 'message' as error
       from tidemark.parked p
      where p.projection = $1 and (p.lane, p.position) > ($2::integer, $3::bigint)
      order by p.lane, p.position limit $4`,
    [input.projection, input.after.lane, input.after.position, input.limit],
  )
}

/** Takes an event (`position` null: all that are parked of the stream) out for good. Returns how many it were. */
export async function skipSqlParked(
  sql: Driver,
  input: {
    projection: number
    lane: number
    tenant: string
    stream: string
    position: number | null
    principal: string
  },
): Promise<number> {
  const [row] = await sql.query<{ skipped: number }>(
    'select tidemark.skip_statements($1, $2, $3, $4, $5, $6) as skipped',
    [input.projection, input.lane, input.tenant, input.stream, input.position, input.principal],
  )
  return row?.skipped ?? 0
}

export async function noteFailedRetry(
  sql: Driver,
  input: {
    projection: number
    tenant: string
    stream: string
    position: number
    reason: ParkedReason
    message: string
  },
): Promise<void> {
  await sql.query('select tidemark.note_failed_retry($1, $2, $3, $4, $5, $6)', [
    input.projection,
    input.tenant,
    input.stream,
    input.position,
    input.reason,
    toStorable({ message: input.message })?.message ?? '',
  ])
}

/** A stream's parked events, in order, with what people said that they say. */
export async function readParkedOf(
  sql: Driver,
  input: { projection: number; tenant: string; stream: string; limit: number },
): Promise<
  readonly {
    readonly position: number
    readonly id: string
    readonly edit: { readonly schema: number; readonly data: Json } | null
  }[]
> {
  return sql.query(
    `select p.position, p.event_id as id,
            (select json_build_object('schema', e.schema, 'data', e.data)
               from tidemark.edits e join tidemark.projections n on n.id = p.projection and n.name = e.projection_name
              where e.lane = p.lane and e.position = p.position) as edit
       from tidemark.parked p
      where p.tenant = $1 and p.by = 'key' and p.key = $2 and p.projection = $3 order by p.position limit $4`,
    [input.tenant, input.stream, input.projection, input.limit],
  )
}

/** How many events of a stream a version has set aside. */
export async function countParked(
  sql: Driver,
  input: { projection: number; tenant: string; stream: string },
): Promise<number> {
  const [row] = await sql.query<{ count: number }>(
    `select count(*) as count from tidemark.parked p
      where p.tenant = $1 and p.by = 'key' and p.key = $2 and p.projection = $3`,
    [input.tenant, input.stream, input.projection],
  )
  return row?.count ?? 0
}
