import type { EncodedAtomic } from '@tidemark/core'
import { toArrayLiteral, type ResultRow } from '../batch.ts'
import type { Driver } from '../driver.ts'

export interface AtomicRow {
  readonly kind: 'appended' | 'checked' | 'conflict' | 'duplicate' | 'command-reused'
  readonly stream: string | null
  readonly version: number | null
  readonly position: number | null
  readonly versions: string | null
  readonly result: ResultRow | null
}

/** One append to several streams, all or nothing. The streams that get events must be open. */
export async function appendAtomically(
  sql: Driver,
  input: { lane: number; atomic: EncodedAtomic },
): Promise<AtomicRow> {
  const { tenant, principal, device, command, occurredAt, parts } = input.atomic
  const written = parts.filter((part) => part.ids.length > 0)
  const [row] = await sql.query<AtomicRow>(
    `select kind, stream, version, position, versions, result,
            case when kind = 'appended' then tidemark.refuse_closed($1, $17, $18) end
       from tidemark.append_atomically($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
    [
      input.lane,
      tenant,
      principal,
      device,
      command?.id ?? null,
      command?.hash ?? null,
      occurredAt,
      parts.map((part) => part.stream).join('\n'),
      toArrayLiteral(parts.map((part) => part.expected)),
      toArrayLiteral(parts.map((part) => part.after)),
      toArrayLiteral(parts.map((part) => part.ids.length)),
      toArrayLiteral(parts.flatMap((part) => part.ids)),
      parts.flatMap((part) => part.types).join('\n'),
      toArrayLiteral(parts.flatMap((part) => part.schemas)),
      parts.flatMap((part) => part.data).join('\n'),
      parts.flatMap((part) => part.metadata).join('\n'),
      written.map(() => tenant).join('\n'),
      written.map((part) => part.stream).join('\n'),
    ],
  )
  if (row === undefined) throw new Error('tidemark.append_atomically returned no row.')
  return row
}
