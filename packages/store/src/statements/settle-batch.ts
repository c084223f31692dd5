import type { EncodedSettle } from '@tidemark/core'
import { toArrayLiteral, type AnswerRow } from '../batch.ts'
import type { Driver } from '../driver.ts'

/** Stores the outcomes of commands without events; no command twice. One answer per outcome, in order. */
export async function settleBatch(
  sql: Driver,
  input: { lane: number; settles: readonly EncodedSettle[] },
): Promise<readonly AnswerRow[]> {
  const { lane, settles } = input
  const [row] = await sql.query<{ answers: readonly AnswerRow[] }>(
    'select answers from tidemark.settle_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)',
    [
      lane,
      settles.map((settle) => settle.tenant).join('\n'),
      settles.map((settle) => settle.stream).join('\n'),
      settles.map((settle) => settle.principal).join('\n'),
      settles.map((settle) => settle.device ?? '').join('\n'),
      toArrayLiteral(settles.map((settle) => settle.command.id)),
      toArrayLiteral(settles.map((settle) => settle.command.hash)),
      settles.map((settle) => settle.code ?? '').join('\n'),
      settles.map((settle) => settle.params ?? '{}').join('\n'),
      toArrayLiteral(settles.map((settle) => settle.version)),
    ],
  )
  if (row === undefined) throw new Error('tidemark.settle_batch returned no row.')
  return row.answers
}
