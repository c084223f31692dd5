import type { ArchivedEvent, EncodedFile } from '../archive-file.ts'
import type { Driver } from '../driver.ts'

export type ArchiveChunkAnswer = 'archived' | 'changed' | 'no-snapshot'

/** Moves these events, the stream's first in the table, out of it: their file is stored. One call, all or nothing. */
export async function archiveChunk(
  sql: Driver,
  input: { first: ArchivedEvent; last: ArchivedEvent; file: EncodedFile },
): Promise<ArchiveChunkAnswer> {
  const { first, last, file } = input
  const [row] = await sql.query<{ answer: ArchiveChunkAnswer }>(
    'select tidemark.archive_chunk($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) as answer',
    [
      first.lane,
      first.tenant,
      first.stream,
      first.version,
      last.version,
      first.id,
      last.id,
      file.name,
      file.checksum,
      file.content.length,
    ],
  )
  if (row === undefined) throw new Error('tidemark.archive_chunk returned no row.')
  return row.answer
}
