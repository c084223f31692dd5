/**
 * Reading through the archive. What the table holds of a stream is always its end, and positions and versions have no
 * gaps: so a gap in what was read from the table says that the rest is archived, and only then the archive is asked.
 */
import { isLogName, type LaneRead, type StoredEvent, type StreamRead } from '@tidemark/core'
import type { ArchivedChunk, ArchivedEvent } from './archive-file.ts'
import type { ArchivedFiles } from './archived-files.ts'
import type { Driver } from './driver.ts'
import { ArchiveError } from './errors.ts'
import { chunksInLane, chunksOfStream } from './statements/archived-chunks.ts'
import { hasEventsBetween } from './statements/has-events-between.ts'
import type { StreamTypesRead } from './statements/read-stream-types.ts'

export interface ArchivedReads {
  readStreams(reads: readonly StreamRead[]): Promise<readonly (readonly StoredEvent[])[]>
  readLane(read: LaneRead): Promise<readonly StoredEvent[]>
  /** A range of a stream, of some types, in either direction. */
  readStreamTypes(read: StreamTypesRead): Promise<readonly StoredEvent[]>
}

export interface ArchivedReadsOptions {
  readonly sql: Driver
  readonly files: ArchivedFiles
  /** Reading the table alone. */
  readonly readStreams: (reads: readonly StreamRead[]) => Promise<readonly (readonly StoredEvent[])[]>
  readonly readLane: (read: LaneRead) => Promise<readonly StoredEvent[]>
  readonly readStreamTypes: (read: StreamTypesRead) => Promise<readonly StoredEvent[]>
}

const ATTEMPTS = 20
const MAX_VERSION = Number.MAX_SAFE_INTEGER

/** `readStreams` and `readLane` throw ArchiveError for a file that is missing, damaged or not configured. */
export function createArchivedReads(options: ArchivedReadsOptions): ArchivedReads {
  const { sql, files } = options

  const readStream = async (read: StreamRead): Promise<readonly StoredEvent[]> => {
    const { tenant, stream } = read
    const after = toAfter(read)
    const to = read.limit === undefined ? MAX_VERSION : after + read.limit
    const { table, chunks } = await readBetween(
      () => chunksOfStream(sql, { tenant, stream, after, to }),
      async () => (await options.readStreams([read]))[0] ?? [],
    )
    const archived: StoredEvent[] = []
    for (const chunk of chunks)
      archived.push(...(await eventsOf(files, chunk, (e) => e.version > after && e.version <= to)))
    const archivedTo = archived.at(-1)?.version ?? 0
    const whole = [...archived, ...table.filter((event) => event.version > archivedTo)]
    if (isContiguous(whole, (event) => event.version, after)) return whole
    throw new ArchiveError('missing', '', `${stream} has a gap after version ${after}: verify the log.`)
  }

  /** The lane's first events after `after` up to `to`, at most `limit`, of the given types, from all these files. */
  const firstOf = async (read: LaneRead, chunks: readonly ArchivedChunk[], to: number): Promise<StoredEvent[]> => {
    let found: StoredEvent[] = []
    for (const chunk of chunks) {
      // Files come by first position: once enough are found below it, no later one has anything to add.
      const bound = found.length >= read.limit ? (found.at(-1)?.position ?? to) : to
      if (chunk.firstPosition > bound) break
      const events = await eventsOf(
        files,
        chunk,
        ({ position, type }) =>
          position > read.after && position <= bound && (read.types === undefined || read.types.includes(type)),
      )
      if (events.length === 0) continue
      found = [...found, ...events].toSorted((a, b) => a.position - b.position).slice(0, read.limit)
    }
    return found
  }

  const readWholeLane = async (read: LaneRead): Promise<readonly StoredEvent[]> => {
    const first = await options.readLane(read)
    // The lane's end is always in the table: where the table has nothing more, nothing is archived either.
    if (isContiguous(first, (event) => event.position, read.after)) return first
    // Positions have no gaps, so what is asked for ends here.
    const to = read.after + read.limit
    const { table, chunks } = await readBetween(
      () => chunksInLane(sql, { lane: read.lane, after: read.after, to }),
      () => options.readLane(read),
    )
    const whole = merge(await firstOf(read, chunks, to), table, read.limit)
    if (isContiguous(whole, (event) => event.position, read.after)) return whole
    const where = `Lane ${read.lane} has a gap after position ${read.after}`
    throw new ArchiveError('missing', '', `${where}, and no archived file holds what is missing: verify the log.`)
  }

  const readTypes = async (read: LaneRead): Promise<readonly StoredEvent[]> => {
    // Among some types only no gap can be seen, so the archive is always asked.
    const upTo = read.upTo ?? MAX_VERSION
    const { table, chunks } = await readBetween(
      () => chunksInLane(sql, { lane: read.lane, after: read.after, to: upTo }),
      () => options.readLane(read),
    )
    if (chunks.length === 0) return table
    const to = table.length < read.limit ? upTo : (table.at(-1)?.position ?? upTo)
    return merge(await firstOf(read, chunks, to), table, read.limit)
  }

  return {
    async readStreams(reads) {
      const answers = await options.readStreams(reads)
      return Promise.all(
        reads.map(async (read, index) => {
          const table = answers[index] ?? []
          const [first] = table
          const after = toAfter(read)
          if (first !== undefined) return first.version === after + 1 ? table : readStream(read)
          // The stream's end is always in the table, so an unlimited read that found nothing is past it.
          if (read.limit === undefined) return table
          const { tenant, stream, limit } = read
          const isThere = isLogName(tenant) && isLogName(stream) && limit > 0
          const range = { tenant, stream, after, to: after + limit }
          return isThere && (await hasEventsBetween(sql, range)) ? readStream(read) : table
        }),
      )
    },
    async readLane(asked) {
      if (asked.limit < 1) return []
      const read = { ...asked, after: Math.max(0, Math.floor(asked.after)) }
      if (read.types !== undefined) return readTypes(read)
      // Positions have no gaps, so among all types the end is a number of events.
      const { upTo, ...rest } = read
      if (upTo === undefined) return readWholeLane(read)
      const limit = Math.min(read.limit, Math.floor(upTo) - read.after)
      return limit > 0 ? readWholeLane({ ...rest, limit }) : []
    },
    async readStreamTypes(read) {
      const { tenant, stream, low, high, types, backwards, limit } = read
      const { table, chunks } = await readBetween(
        () => chunksOfStream(sql, { tenant, stream, after: low - 1, to: high }),
        () => options.readStreamTypes(read),
      )
      const byVersion = new Map(table.map((event) => [event.version, event]))
      for (const chunk of chunks) {
        const isWanted = ({ version, type }: ArchivedEvent): boolean =>
          version >= low && version <= high && types.includes(type)
        for (const event of await eventsOf(files, chunk, isWanted)) byVersion.set(event.version, event)
      }
      const sign = backwards ? -1 : 1
      return [...byVersion.values()].toSorted((a, b) => sign * (a.version - b.version)).slice(0, limit)
    },
  }
}

/**
 * Reads the table between two looks at the archive: what the first look saw and the second does not was restored
 * meanwhile, and may be missing from both.
 *
 * @throws ArchiveError `moving`
 */
export async function readBetween<T>(
  list: () => Promise<readonly ArchivedChunk[]>,
  read: () => Promise<T>,
): Promise<{ readonly table: T; readonly chunks: readonly ArchivedChunk[] }> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const before = await list()
    const table = await read()
    const chunks = await list()
    const still = new Set(chunks.map(identityOf))
    if (before.every((chunk) => still.has(identityOf(chunk)))) return { table, chunks }
  }
  throw new ArchiveError('moving', '', 'Events were restored again and again while they were read: read again.')
}

function toAfter(read: StreamRead): number {
  return Math.max(0, Math.floor(read.after))
}

async function eventsOf(
  files: ArchivedFiles,
  chunk: ArchivedChunk,
  isWanted: (event: ArchivedEvent) => boolean,
): Promise<readonly StoredEvent[]> {
  return (await files.read(chunk)).filter(isWanted).map(({ hash: _, ...event }) => event)
}

function merge(archived: readonly StoredEvent[], table: readonly StoredEvent[], limit: number): readonly StoredEvent[] {
  const byPosition = new Map([...archived, ...table].map((event) => [event.position, event]))
  return [...byPosition.values()].toSorted((a, b) => a.position - b.position).slice(0, limit)
}

function isContiguous(events: readonly StoredEvent[], placeOf: (event: StoredEvent) => number, after: number): boolean {
  const [first] = events
  const last = events.at(-1)
  if (first === undefined || last === undefined) return true
  return placeOf(first) === after + 1 && placeOf(last) === after + events.length
}

/** A file that was restored and archived anew has the same name, and another time. */
function identityOf(chunk: ArchivedChunk): string {
  return `${chunk.file} ${chunk.archivedAt}`
}
