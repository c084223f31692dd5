import type { AbortSignalLike } from '@tidemark/core'
import { checksumOf, encodeArchive } from './archive-file.ts'
import type { ArchiveStorage } from './archive-storage.ts'
import type { Driver } from './driver.ts'
import { ArchiveError } from './errors.ts'
import { archiveChunk } from './statements/archive-chunk.ts'
import { listStreams } from './statements/list-streams.ts'
import { readArchivable } from './statements/read-archivable.ts'

export interface ArchiveOptions {
  readonly sql: Driver
  readonly storage: ArchiveStorage
  /** Only this tenant's streams. */
  readonly tenant?: string
  /** Only streams whose id starts so, for example `order/`. */
  readonly prefix?: string
  /** Events right below the snapshot that stay in the table, for readers that are a little behind. Default 100. */
  readonly keep?: number
  /** Streams with fewer events to archive are left alone: a small file gains nothing. Default 1,000. */
  readonly minEvents?: number
  /** Events per file; a lane waits while one is moved. Default 2,000. */
  readonly fileEvents?: number
  readonly signal?: AbortSignalLike
  /** After every file. */
  readonly onProgress?: (progress: ArchiveProgress) => void
}

export interface ArchiveProgress {
  readonly events: number
  readonly files: number
  /** Size of the files, in bytes. */
  readonly bytes: number
  readonly stream: string
}

/** Cancelled: what was moved until then is archived, and the next run goes on from it. */
export interface ArchiveResult extends ArchiveProgress {
  readonly kind: 'done' | 'cancelled'
}

const PAGE_STREAMS = 500

/**
 * Moves events below their stream's snapshot into files. A file is stored, read back and checked before its events leave
 * the table, in one call: a crash leaves either the events in the table (and a file that the next run writes again), or
 * the events in the archive. Two runs at once harm nothing. Whoever replays these streams needs the storage from then on.
 *
 * @throws ArchiveError when a file does not come back as it was stored, DatabaseError, and what the storage throws.
 */
export async function archiveStreams(options: ArchiveOptions): Promise<ArchiveResult> {
  const { sql, keep = 100, minEvents = 1_000 } = options
  let progress: ArchiveProgress = { events: 0, files: 0, bytes: 0, stream: '' }
  let after = { tenant: options.tenant ?? '', stream: '' }
  for (;;) {
    const page = await listStreams(sql, { tenant: options.tenant, after, limit: PAGE_STREAMS })
    for (const { tenant, stream, snapshotVersion } of page) {
      after = { tenant, stream }
      if (snapshotVersion === null || !stream.startsWith(options.prefix ?? '')) continue
      if (snapshotVersion - 1 - keep < minEvents) continue
      for await (const moved of archiveOne(options, { tenant, stream, keep, minEvents })) {
        progress = {
          events: progress.events + moved.events,
          files: progress.files + 1,
          bytes: progress.bytes + moved.bytes,
          stream,
        }
        options.onProgress?.(progress)
      }
      if (options.signal?.aborted === true) return { kind: 'cancelled', ...progress }
    }
    if (page.length < PAGE_STREAMS) return { kind: 'done', ...progress }
  }
}

async function* archiveOne(
  { sql, storage, fileEvents = 2_000, signal }: ArchiveOptions,
  input: { tenant: string; stream: string; keep: number; minEvents: number },
): AsyncGenerator<{ readonly events: number; readonly bytes: number }, void, void> {
  // The first read says whether it is worth it; after that the rest goes, however little.
  let least = Math.min(input.minEvents, fileEvents)
  while (signal?.aborted !== true) {
    const events = await readArchivable(sql, { ...input, limit: fileEvents })
    const [first] = events
    const last = events.at(-1)
    if (first === undefined || last === undefined || events.length < least) return
    least = 1
    const file = await encodeArchive(events)
    await storage.put(file.name, file.content)
    const stored = await storage.get(file.name)
    if (stored === undefined || checksumOf(stored) !== file.checksum) {
      throw new ArchiveError(
        'damaged',
        file.name,
        `${file.name} did not come back as it was stored: nothing was moved.`,
      )
    }
    // Changed by another run, or without a snapshot meanwhile: there is nothing to do here any more.
    if ((await archiveChunk(sql, { first, last, file })) !== 'archived') return
    yield { events: events.length, bytes: file.content.length }
  }
}
