import type { ArchivedChunk, ArchivedEvent } from '../archive-file.ts'
import type { Driver } from '../driver.ts'

/** Puts the events of the stream's last archived file back into the table. One call, all or nothing. */
export async function restoreChunk(
  sql: Driver,
  input: { chunk: ArchivedChunk; events: readonly ArchivedEvent[] },
): Promise<'restored' | 'changed'> {
  const { chunk, events } = input
  const [row] = await sql.query<{ answer: 'restored' | 'changed' }>(
    'select tidemark.restore_chunk($1, $2, $3, $4, $5, $6) as answer',
    [chunk.lane, chunk.tenant, chunk.stream, chunk.firstVersion, chunk.file, JSON.stringify(events)],
  )
  if (row === undefined) throw new Error('tidemark.restore_chunk returned no row.')
  return row.answer
}
