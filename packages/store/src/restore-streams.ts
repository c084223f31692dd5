import type { AbortSignalLike } from '@tidemark/core'
import { createArchivedFiles } from './archived-files.ts'
import type { ArchiveProgress } from './archive-streams.ts'
import type { ArchivedChunk } from './archive-file.ts'
import type { ArchiveStorage } from './archive-storage.ts'
import type { Driver } from './driver.ts'
import { listChunks } from './statements/archived-chunks.ts'
import { restoreChunk } from './statements/restore-chunk.ts'

export interface RestoreOptions {
  readonly sql: Driver
  readonly storage: ArchiveStorage
  /** Only this tenant's streams. */
  readonly tenant?: string
  /** Only streams whose id starts so. */
  readonly prefix?: string
  readonly signal?: AbortSignalLike
  /** After every file. */
  readonly onProgress?: (progress: Omit<ArchiveProgress, 'bytes'>) => void
}

export interface RestoreResult extends Omit<ArchiveProgress, 'bytes'> {
  readonly kind: 'done' | 'cancelled'
}

const PAGE_CHUNKS = 100

/**
 * Moves archived events back into the table, a stream's last file first, so that what is in the table stays the end of
 * its stream. A file is deleted after its events are back.
 *
 * @throws ArchiveError for a file that is missing or damaged, DatabaseError, and what the storage throws.
 */
export async function restoreStreams(options: RestoreOptions): Promise<RestoreResult> {
  const { sql, storage } = options
  const files = createArchivedFiles(storage, 0)
  let progress: Omit<ArchiveProgress, 'bytes'> = { events: 0, files: 0, stream: '' }
  let before: ArchivedChunk | undefined
  for (;;) {
    const page = await listChunks(sql, {
      tenant: options.tenant,
      prefix: options.prefix ?? '',
      before,
      limit: PAGE_CHUNKS,
    })
    for (const chunk of page) {
      if (options.signal?.aborted === true) return { kind: 'cancelled', ...progress }
      before = chunk
      const events = await files.read(chunk)
      // Changed by another run, which sees to the file.
      if ((await restoreChunk(sql, { chunk, events })) !== 'restored') continue
      await storage.delete(chunk.file)
      progress = { events: progress.events + events.length, files: progress.files + 1, stream: chunk.stream }
      options.onProgress?.(progress)
    }
    if (page.length < PAGE_CHUNKS) return { kind: 'done', ...progress }
  }
}
