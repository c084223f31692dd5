import type { EncodedMerged } from '@tidemark/core'
import { toArrayLiteral, type ResultRow } from '../batch.ts'
import type { Driver } from '../driver.ts'

export interface MergedRow {
  readonly kind: 'appended' | 'conflict' | 'known-members'
  readonly version: number | null
  readonly position: number | null
  readonly known: readonly KnownRow[] | null
}

export interface KnownRow {
  readonly index: number
  readonly kind: 'duplicate' | 'command-reused'
  readonly result: ResultRow
}

/** Events with the effect of many commands, and the result of each. Known members: one index look-up each, then nothing. */
export async function appendMerged(sql: Driver, input: { lane: number; merged: EncodedMerged }): Promise<MergedRow> {
  const { append, members } = input.merged
  const [row] = await sql.query<MergedRow>(
    `select kind, version, position, known, case when kind = 'appended' then tidemark.refuse_closed($1, $2, $3) end
       from tidemark.append_merged($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
    [
      input.lane,
      append.tenant,
      append.stream,
      append.expected,
      append.principal,
      append.device,
      append.occurredAt,
      toArrayLiteral(append.ids),
      append.types.join('\n'),
      toArrayLiteral(append.schemas),
      append.data.join('\n'),
      append.metadata.join('\n'),
      members.map((member) => member.principal).join('\n'),
      members.map((member) => member.device ?? '').join('\n'),
      toArrayLiteral(members.map((member) => member.command.id)),
      toArrayLiteral(members.map((member) => member.command.hash)),
    ],
  )
  if (row === undefined) throw new Error('tidemark.append_merged returned no row.')
  return row
}
