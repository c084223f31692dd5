import type { ArchivedChunk } from '../archive-file.ts'
import type { Driver } from '../driver.ts'

const COLUMNS = `tenant, stream, lane, first_version as "firstVersion", last_version as "lastVersion",
  first_position as "firstPosition", last_position as "lastPosition", file, checksum, archived_at as "archivedAt"`

/** Files that hold events of a lane at positions after `after` up to `to`, by first position; archived_positions. */
export async function chunksInLane(
  sql: Driver,
  input: { lane: number; after: number; to: number },
): Promise<readonly ArchivedChunk[]> {
  return sql.query<ArchivedChunk>(
    `select ${COLUMNS} from tidemark.archived
      where lane = $1 and last_position > $2 and first_position <= $3 order by first_position`,
    [input.lane, input.after, input.to],
  )
}

/** Files that hold events of a stream at versions after `after` up to `to`, in order; archived_versions. */
export async function chunksOfStream(
  sql: Driver,
  input: { tenant: string; stream: string; after: number; to: number },
): Promise<readonly ArchivedChunk[]> {
  return sql.query<ArchivedChunk>(
    `select ${COLUMNS} from tidemark.archived
      where tenant = $1 and stream = $2 and last_version > $3 and first_version <= $4 order by first_version`,
    [input.tenant, input.stream, input.after, input.to],
  )
}

/** All files of the archive that a prefix of stream ids selects, page by page, a stream's last one first. */
export async function listChunks(
  sql: Driver,
  input: { tenant: string | undefined; prefix: string; before: ArchivedChunk | undefined; limit: number },
): Promise<readonly ArchivedChunk[]> {
  const { before } = input
  return sql.query<ArchivedChunk>(
    `select ${COLUMNS} from tidemark.archived
      where ($1::text is null or tenant = $1) and starts_with(stream, $2)
        and ($3::text is null or (tenant, stream, first_version) < ($3, $4::text, $5::bigint))
      order by tenant desc, stream desc, first_version desc limit $6`,
    [
      input.tenant ?? null,
      input.prefix,
      before?.tenant ?? null,
      before?.stream ?? null,
      before?.firstVersion ?? null,
      input.limit,
    ],
  )
}
