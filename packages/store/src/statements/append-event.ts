import type { EncodedAppend } from '@tidemark/core'
import type { AnswerRow } from '../batch.ts'
import type { Driver } from '../driver.ts'

/** An append of one event, alone in its call: no lists, and so the shortest way there is. */
export async function appendEvent(sql: Driver, input: { lane: number; append: EncodedAppend }): Promise<AnswerRow> {
  const { lane, append } = input
  const [row] = await sql.query<AnswerRow>(
    `select kind, version, position, result, successor
       from tidemark.append_event($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
    [
      lane,
      append.tenant,
      append.stream,
      append.expected,
      append.principal,
      append.device,
      append.command?.id ?? null,
      append.command?.hash ?? null,
      append.occurredAt,
      append.ids[0] ?? null,
      append.types[0] ?? null,
      append.schemas[0] ?? null,
      append.data[0] ?? null,
      append.metadata[0] ?? null,
      append.after,
    ],
  )
  if (row === undefined) throw new Error('tidemark.append_event returned no row.')
  return row
}
