import { decodeArchive, type ArchivedChunk, type ArchivedEvent, type DecodedFile } from './archive-file.ts'
import type { ArchiveStorage } from './archive-storage.ts'
import { ArchiveError } from './errors.ts'

/** Reads archived files, and keeps the last ones decoded: a replay comes back to the same file with every page. */
export interface ArchivedFiles {
  /** @throws ArchiveError, and whatever the storage throws. */
  read(chunk: ArchivedChunk): Promise<readonly ArchivedEvent[]>
}

/** Decoded text kept in memory, in UTF-16 units. Files of many streams overlap in a lane, so it is more than a few. */
const CACHE_LENGTH = 64_000_000

export function createArchivedFiles(storage: ArchiveStorage | undefined, cacheLength = CACHE_LENGTH): ArchivedFiles {
  const cache = new Map<string, { readonly content: Promise<Content>; length: number }>()
  let kept = 0

  const load = async (chunk: ArchivedChunk): Promise<Content> => {
    const where = `Events ${chunk.firstVersion} to ${chunk.lastVersion} of ${chunk.stream} are archived in ${chunk.file}`
    if (storage === undefined) {
      throw new ArchiveError('not-configured', chunk.file, `${where}: open the store with the archive that holds it.`)
    }
    const content = await storage.get(chunk.file)
    if (content === undefined) {
      throw new ArchiveError('missing', chunk.file, `${where}, which is not there: bring the file back.`)
    }
    const decoded = await decodeArchive(chunk, content)
    if (decoded.kind === 'events') return decoded
    const message = `${where}, which is damaged (${decoded.reason}): bring back a good copy.`
    throw new ArchiveError('damaged', chunk.file, message)
  }

  const open = (chunk: ArchivedChunk): Promise<Content> => {
    const known = cache.get(chunk.file)
    if (known !== undefined) {
      cache.delete(chunk.file)
      cache.set(chunk.file, known)
      return known.content
    }
    const entry = { content: load(chunk), length: 0 }
    cache.set(chunk.file, entry)
    entry.content.then(
      ({ length }) => {
        if (cache.get(chunk.file) !== entry) return
        entry.length = length
        kept += length
        for (const [file, oldest] of cache) {
          if (kept <= cacheLength) return
          cache.delete(file)
          kept -= oldest.length
        }
      },
      () => {
        if (cache.get(chunk.file) === entry) cache.delete(chunk.file)
      },
    )
    return entry.content
  }

  return { read: async (chunk) => (await open(chunk)).events }
}

type Content = Extract<DecodedFile, { kind: 'events' }>
