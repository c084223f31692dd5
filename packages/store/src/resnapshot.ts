import type { AbortSignalLike, Domain } from '@tidemark/core'
import type { AggregateLoader } from './aggregate-loader.ts'
import type { Driver } from './driver.ts'
import { listStreams } from './statements/list-streams.ts'

export interface ResnapshotOptions {
  readonly sql: Driver
  readonly domain: Domain
  readonly loader: AggregateLoader
  /** Only this tenant's streams. */
  readonly tenant?: string
  /** Only streams whose id starts so, for example `order/`. */
  readonly prefix?: string
  /** Streams that have so many events more than their snapshot. Default 200. */
  readonly minEvents?: number
  readonly signal?: AbortSignalLike
  /** After every stream that was loaded, and at the end. */
  readonly onProgress?: (progress: ResnapshotProgress) => void
}

export interface ResnapshotProgress {
  /** Streams looked at. */
  readonly scanned: number
  readonly taken: number
  /** Streams that this code cannot read, or whose state cannot be stored. */
  readonly failed: number
  /** The last stream looked at, `''` before the first. */
  readonly stream: string
}

/** Cancelled: what was stored until then stays, and the next run goes on from it. */
export interface ResnapshotResult extends ResnapshotProgress {
  readonly kind: 'done' | 'cancelled'
}

const PAGE_STREAMS = 500

/**
 * Stores snapshots of the streams that lack one, have outgrown it, or have one of an older declaration. Works beside
 * appends and loads, one stream at a time; what it does not reach is found by the next run.
 */
export async function resnapshot(options: ResnapshotOptions): Promise<ResnapshotResult> {
  const { sql, domain, loader, minEvents = 200 } = options
  let progress: ResnapshotProgress = { scanned: 0, taken: 0, failed: 0, stream: '' }
  let after = { tenant: options.tenant ?? '', stream: '' }
  for (;;) {
    const page = await listStreams(sql, { tenant: options.tenant, after, limit: PAGE_STREAMS })
    for (const listed of page) {
      if (options.signal?.aborted === true) return { kind: 'cancelled', ...progress }
      const { tenant, stream } = listed
      after = { tenant, stream }
      progress = { ...progress, scanned: progress.scanned + 1, stream }
      const aggregate = domain.aggregateOf(stream)
      if (aggregate === undefined || !stream.startsWith(options.prefix ?? '')) continue
      const outdated = listed.snapshotSchema !== null && listed.snapshotSchema < aggregate.version
      if (!outdated && listed.version - (listed.snapshotVersion ?? 0) < minEvents) continue
      const result = await loader.snapshot(tenant, stream)
      const stored = result.kind === 'taken' && result.answer.kind !== 'not-storable'
      progress = stored ? { ...progress, taken: progress.taken + 1 } : { ...progress, failed: progress.failed + 1 }
      options.onProgress?.(progress)
    }
    if (page.length < PAGE_STREAMS) break
  }
  options.onProgress?.(progress)
  return { kind: 'done', ...progress }
}
