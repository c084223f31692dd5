import type { EncodedAppend } from '@tidemark/core'
import { toArrayLiteral, type ResultRow } from '../batch.ts'
import type { Driver } from '../driver.ts'

export interface SplitRow {
  readonly kind: 'split' | 'duplicate' | 'command-reused' | 'conflict' | 'stream-closed' | 'successor-exists'
  readonly version: number | null
  readonly position: number | null
  readonly result: ResultRow | null
  readonly successor: string | null
}

/** Appends the first event to the stream, the others to its successor, and closes the stream: one call, all or nothing. */
export async function splitInLane(
  sql: Driver,
  input: { lane: number; append: EncodedAppend; successor: string },
): Promise<SplitRow> {
  const { lane, append, successor } = input
  const [row] = await sql.query<SplitRow>(
    `select kind, version, position, result, successor
       from tidemark.split_stream($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
    [
      lane,
      append.tenant,
      append.stream,
      append.expected,
      successor,
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
    ],
  )
  if (row === undefined) throw new Error('tidemark.split_stream returned no row.')
  return row
}
