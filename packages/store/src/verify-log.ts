import type { AbortSignalLike, StoredEvent } from '@tidemark/core'
import type { Driver } from './driver.ts'
import { createRangeHashes, type RangeHash } from './range-hash.ts'
import { brokenStreams } from './statements/broken-streams.ts'
import { laneHeads, type LaneHead } from './statements/lane-heads.ts'
import { readPositions } from './statements/read-positions.ts'
import { straySnapshots } from './statements/stray-snapshots.ts'

export interface VerifyOptions {
  readonly sql: Driver
  /** Positions per hash. Default 100,000. */
  readonly rangeSize?: number
  readonly signal?: AbortSignalLike
  readonly onProgress?: (progress: { readonly lane: number; readonly position: number; readonly head: number }) => void
}

/** What is wrong. All but `stray-snapshot` mean that the log was written to by something other than the store. */
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
  /** A snapshot of an event that the log does not hold; the next load throws it away. */
  | { readonly kind: 'stray-snapshot'; readonly tenant: string; readonly stream: string; readonly version: number }

export interface VerifyReport {
  readonly kind: 'clean' | 'damaged' | 'cancelled'
  readonly lanes: readonly {
    readonly lane: number
    readonly head: number
    readonly events: number
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

async function walkLane(
  options: VerifyOptions,
  { lane, head }: LaneHead,
  findings: Finding[],
): Promise<{ events: number; ranges: readonly RangeHash[] }> {
  const hashes = createRangeHashes(options.rangeSize ?? RANGE_SIZE)
  const found = { gaps: 0, backwards: 0 }
  let events = 0
  let expected = 1
  let previous: StoredEvent | undefined
  const gapBefore = (position: number): void => {
    if (position > expected && found.gaps++ < MAX_FINDINGS) {
      findings.push({ kind: 'position-gap', lane, from: expected, to: position - 1 })
    }
  }
  for (let after = 0; after < head && options.signal?.aborted !== true; after += PAGE) {
    for (const event of await readPositions(options.sql, { lane, after, to: Math.min(head, after + PAGE) })) {
      gapBefore(event.position)
      if (previous !== undefined && event.recordedAt < previous.recordedAt && found.backwards++ < MAX_FINDINGS) {
        findings.push({ kind: 'time-backwards', lane, position: event.position })
      }
      hashes.add(event)
      events++
      expected = event.position + 1
      previous = event
    }
    options.onProgress?.({ lane, position: Math.min(head, after + PAGE), head })
  }
  return { events, ranges: hashes.end() }
}
