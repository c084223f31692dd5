import type { EncodedAppend } from '@tidemark/core'
import { toAppendLists, type AppendEventsRow } from '../batch.ts'
import type { Driver } from '../driver.ts'

/** Many appends in one call; appends of one stream in order and next to each other, no command twice. */
export async function appendEvents(
  sql: Driver,
  input: { lane: number; appends: readonly EncodedAppend[] },
): Promise<AppendEventsRow> {
  const lists = toAppendLists(input.appends)
  const [row] = await sql.query<AppendEventsRow>(
    `select base, versions, answers
       from tidemark.append_events($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)`,
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
      lists.free,
    ],
  )
  if (row === undefined) throw new Error('tidemark.append_events returned no row.')
  return row
}
