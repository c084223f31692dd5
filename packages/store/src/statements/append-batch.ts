import type { EncodedAppend } from '@tidemark/core'
import { toAppendLists, type AppendBatchRow } from '../batch.ts'
import type { Driver } from '../driver.ts'

/** Many appends in one call; appends of one stream in order and next to each other, no command twice. */
export async function appendBatch(
  sql: Driver,
  input: { lane: number; appends: readonly EncodedAppend[] },
): Promise<AppendBatchRow> {
  const lists = toAppendLists(input.appends)
  const [row] = await sql.query<AppendBatchRow>(
    `select base, versions, answers, tidemark.refuse_closed($1, $2, $3)
       from tidemark.append_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
                                 $18)`,
    [
      input.lane,
      lists.tenants,
      lists.streams,
      lists.expected,
      lists.offsets,
      lists.principals,
      lists.devices,
      lists.commands,
      lists.hashes,
      lists.occurred,
      lists.ids,
      lists.types,
      lists.schemas,
      lists.data,
      lists.metadata,
      lists.sizes,
      lists.own,
      lists.after,
    ],
  )
  if (row === undefined) throw new Error('tidemark.append_batch returned no row.')
  return row
}
