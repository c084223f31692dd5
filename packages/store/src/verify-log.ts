import type { AbortSignalLike, StoredEvent } from '@tidemark/core'
import type { ArchivedChunk } from './archive-file.ts'
import type { ArchiveStorage } from './archive-storage.ts'
import { createArchivedFiles, type ArchivedFiles } from './archived-files.ts'
import { readBetween } from './archived-reads.ts'
import type { Driver } from './driver.ts'
import { ArchiveError } from './errors.ts'
import { createRangeHashes, type RangeHash } from './range-hash.ts'
import { chunksInLane } from './statements/archived-chunks.ts'
import { brokenStreams } from './statements/broken-streams.ts'
import { laneHeads, type LaneHead } from './statements/lane-heads.ts'
import { readPositions } from './statements/read-positions.ts'
import { straySnapshots } from './statements/stray-snapshots.ts'

export interface VerifyOptions {
  readonly sql: Driver
  /** Holds what is archived. Every file of it that belongs to the log is read and its checksum compared. */
  readonly archive?: ArchiveStorage
  /** Positions per hash. Default 100,000. */
  readonly rangeSize?: number
  readonly signal?: AbortSignalLike
  readonly onProgress?: (progress: { readonly lane: number; readonly position: number; readonly head: number }) => void
}

/** What is wrong. Gaps and time that runs backwards mean that something other than the store wrote to the log. */
export type Finding =
  /** No event at the positions from `from` to `to`. */
  | { readonly kind: 'position-gap'; readonly lane: number; readonly from: number; readonly to: number }
  /** The stream's versions are not 1, 2, 3 … */
  | {
      readonly kind: 'version-gap'
      readonly tenant: string
      readonly stream: string
      readonly first: number
      readonly last: number
      readonly events: number
    }
  /** An event is recorded before the one before it. */
  | { readonly kind: 'time-backwards'; readonly lane: number; readonly position: number }
  /** An archived file cannot be read: its events are missing from everything that replays them. */
  | {
      readonly kind: 'archive-unreadable'
      readonly tenant: string
      readonly stream: string
      readonly firstVersion: number
      readonly lastVersion: number
      readonly file: string
      readonly reason: ArchiveError['kind']
    }
  /** A snapshot of an event that the log does not hold; the next load throws it away. */
  | { readonly kind: 'stray-snapshot'; readonly tenant: string; readonly stream: string; readonly version: number }

export interface VerifyReport {
  readonly kind: 'clean' | 'damaged' | 'cancelled'
  readonly lanes: readonly {
    readonly lane: number
    readonly head: number
    readonly events: number
    /** How many of the events are archived. */
    readonly archived: number
    readonly ranges: readonly RangeHash[]
  }[]
  /** At most {@link MAX_FINDINGS} of each kind. */
  readonly findings: readonly Finding[]
}

export const MAX_FINDINGS = 100
const PAGE = 5_000
const RANGE_SIZE = 100_000

/**
 * Reads the whole log and says whether it is what the store promises: positions without gaps, versions without gaps,
 * time that never runs backwards. Works beside appends; looks at what was there when it came to a lane.
 */
export async function verifyLog(options: VerifyOptions): Promise<VerifyReport> {
  const { sql } = options
  const findings: Finding[] = []
  const lanes: VerifyReport['lanes'][number][] = []
  const isCancelled = (): boolean => options.signal?.aborted === true
  for (const { lane, head } of await laneHeads(sql)) {
    const walked = await walkLane(options, { lane, head }, findings)
    if (isCancelled()) return { kind: 'cancelled', lanes, findings }
    lanes.push({ lane, head, ...walked })
  }
  for (const broken of await brokenStreams(sql, { limit: MAX_FINDINGS })) {
    findings.push({ kind: 'version-gap', ...broken })
  }
  for (const stray of await straySnapshots(sql, { limit: MAX_FINDINGS })) {
    findings.push({ kind: 'stray-snapshot', ...stray })
  }
  return { kind: findings.length === 0 ? 'clean' : 'damaged', lanes, findings }
}

interface Walk {
  readonly events: number
  readonly archived: number
  readonly ranges: readonly RangeHash[]
}

async function walkLane(options: VerifyOptions, { lane, head }: LaneHead, findings: Finding[]): Promise<Walk> {
  const hashes = createRangeHashes(options.rangeSize ?? RANGE_SIZE)
  const archive = createArchiveView(options, lane, findings)
  const found = { gaps: 0, backwards: 0 }
  let events = 0
  let archived = 0
  let expected = 1
  let previous: StoredEvent | undefined
  const gapTo = (position: number): void => {
    if (position > expected && found.gaps++ < MAX_FINDINGS) {
      findings.push({ kind: 'position-gap', lane, from: expected, to: position - 1 })
    }
  }
  for (let after = 0; after < head && options.signal?.aborted !== true; after += PAGE) {
    const to = Math.min(head, after + PAGE)
    const window = await archive.read(after, to)
    archived += window.archived
    for (const event of window.events) {
      gapTo(event.position)
      if (previous !== undefined && event.recordedAt < previous.recordedAt && found.backwards++ < MAX_FINDINGS) {
        findings.push({ kind: 'time-backwards', lane, position: event.position })
      }
      hashes.add(event)
      events++
      expected = event.position + 1
      previous = event
    }
    options.onProgress?.({ lane, position: to, head })
  }
  return { events, archived, ranges: hashes.end() }
}

/** A lane's events from the table and the archive. A file that cannot be read is told once, and passed over. */
function createArchiveView(
  { sql, archive }: VerifyOptions,
  lane: number,
  findings: Finding[],
): { read(after: number, to: number): Promise<{ events: readonly StoredEvent[]; archived: number }> } {
  const files = createArchivedFiles(archive)
  const unreadable = new Set<string>()
  return {
    async read(after, to) {
      const { table, chunks } = await readBetween(
        () => chunksInLane(sql, { lane, after, to }),
        () => readPositions(sql, { lane, after, to }),
      )
      if (chunks.length === 0) return { events: table, archived: 0 }
      const byPosition = new Map<number, StoredEvent>()
      for (const chunk of chunks) {
        if (unreadable.has(chunk.file)) continue
        const finding = await addEvents(files, chunk, after, to, byPosition)
        if (finding === undefined) continue
        unreadable.add(chunk.file)
        if (unreadable.size <= MAX_FINDINGS) findings.push(finding)
      }
      const archived = byPosition.size
      for (const event of table) byPosition.set(event.position, event)
      return { events: [...byPosition.values()].toSorted((a, b) => a.position - b.position), archived }
    },
  }
}

async function addEvents(
  files: ArchivedFiles,
  chunk: ArchivedChunk,
  after: number,
  to: number,
  byPosition: Map<number, StoredEvent>,
): Promise<Finding | undefined> {
  try {
    for (const event of await files.read(chunk)) {
      if (event.position > after && event.position <= to) byPosition.set(event.position, event)
    }
    return undefined
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error
    const { tenant, stream, firstVersion, lastVersion, file } = chunk
    return { kind: 'archive-unreadable', tenant, stream, firstVersion, lastVersion, file, reason: error.kind }
  }
}
