import type { Json } from '@tidemark/core'
import type { Driver } from '@tidemark/store'
import type { ParkedAction } from '../../control-event.ts'

/** A stream of which a version has parked events. */
export interface SqlUnit {
  readonly projection: number
  readonly lane: number
  readonly tenant: string
  readonly stream: string
}

/** What a person decided about parked events of a stream, and no worker has carried out yet. */
export interface DueDecision extends Omit<SqlUnit, 'projection'> {
  readonly id: number
  readonly action: ParkedAction
  readonly position: number | null
  readonly principal: string
  /** Of an edit: what the event is to say. */
  readonly edit: { readonly schema: number; readonly data: Json } | null
}

/** Notes a decision for each of the streams; their ids. */
export async function noteDecisions(
  sql: Driver,
  input: {
    units: readonly SqlUnit[]
    action: ParkedAction
    position: number | null
    edit?: { readonly schema: number; readonly data: Json } | undefined
    principal: string
    note: string | null
  },
): Promise<readonly number[]> {
  const { units, action, position, edit, principal, note } = input
  const rows = await sql.query<{ id: number }>('select tidemark.decide_sql($1, $2, $3, $4, $5, $6, $7) as id', [
    JSON.stringify(units),
    action,
    position,
    edit?.schema ?? null,
    edit === undefined ? null : JSON.stringify(edit.data),
    principal,
    note,
  ])
  return rows.map((row) => row.id)
}

export async function dueDecisions(
  sql: Driver,
  input: { projection: number; lane: number; limit: number },
): Promise<readonly DueDecision[]> {
  return sql.query<DueDecision>(
    `select d.id, d.lane, d.tenant, d.stream, d.action, d.position, d.principal,
            case when d.action = 'edit' then json_build_object('schema', d.schema, 'data', d.data) end as edit
       from tidemark.sql_decisions d
      where d.projection = $1 and d.lane = $2 and d.done_at is null order by d.id limit $3`,
    [input.projection, input.lane, input.limit],
  )
}

export interface Settled {
  readonly settled: number
  readonly skipped: number
  readonly remaining: number
}

export async function finishDecision(sql: Driver, input: Settled & { id: number }): Promise<void> {
  const { id, settled, skipped, remaining } = input
  await sql.query('select tidemark.finish_sql_decision($1, $2, $3, $4)', [id, settled, skipped, remaining])
}

/** What became of decisions, all together; `left`: how many are not carried out yet. */
export async function readDecided(
  sql: Driver,
  input: { ids: readonly number[] },
): Promise<Settled & { readonly left: number }> {
  const [row] = await sql.query<Settled & { readonly left: number }>(
    `select count(*) filter (where done_at is null) as left, coalesce(sum(settled), 0)::integer as settled,
            coalesce(sum(skipped), 0)::integer as skipped, coalesce(sum(remaining), 0)::integer as remaining
       from tidemark.sql_decisions where id = any ($1::bigint[])`,
    [`{${input.ids.join(',')}}`],
  )
  if (row === undefined) throw new Error('A count returned no row.')
  return row
}
