import type { EncodedAppend } from '@tidemark/core'
import { toArrayLiteral, type AnswerRow } from '../batch.ts'
import type { Driver } from '../driver.ts'

/** The fast path for a call with one append. */
export async function appendOne(sql: Driver, input: { lane: number; append: EncodedAppend }): Promise<AnswerRow> {
  const { lane, append } = input
  const [row] = await sql.query<AnswerRow>(
    `select kind, version, position, result, case when kind = 'appended' then tidemark.refuse_closed($1, $2, $3) end
       from tidemark.append_one($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
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
      toArrayLiteral(append.ids),
      append.types.join('\n'),
      toArrayLiteral(append.schemas),
      append.data.join('\n'),
      append.metadata.join('\n'),
      append.after,
    ],
  )
  if (row === undefined) throw new Error('tidemark.append_one returned no row.')
  return row
}
