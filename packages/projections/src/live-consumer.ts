import type { Advances } from './advances.ts'
import type { OnAlert } from './alert.ts'
import { CLOSED, judge, PROBE_EVENTS, wake, type Breaker } from './circuit-breaker.ts'
import type { Counting } from './counters.ts'
import { toFailingBlock, type FailingBlock } from './failing-block.ts'
import type { ParkedEvent } from './fold-batch.ts'
import type { Block } from './interpret-events.ts'
import { afterThrow, nextBatchSize } from './pacing.ts'
import type { ProjectionSet } from './registered-projection.ts'
import { createReadAhead } from './read-ahead.ts'
import { runBatch, type BatchContext, type BatchResult } from './run-batch.ts'
import { readCheckpoint, SYNCED } from './statements/checkpoint.ts'
import { clear, isHopeless, suspect, type Suspicion } from './suspicion.ts'

export type LiveStep =
  | { readonly kind: 'moved'; readonly more: boolean }
  | { readonly kind: 'blocked'; readonly block: Block | FailingBlock }
  /** What is known of the lane, or of the lease, must be asked again. */
  | { readonly kind: 'registry' | 'fenced' | 'stale' }

export interface LiveConsumerOptions extends BatchContext {
  readonly lane: number
  readonly largestBatch: number
  readonly onMassFailure: 'stop' | 'park'
  readonly advances: Advances
  readonly onAlert: OnAlert
  readonly counters: Counting
  readonly clock: () => number
}

/**
 * What was committed so long ago is on the disk (Postgres writes it out within three times `wal_writer_delay`: 600 ms, unless it is set otherwise), or
 * was taken back by a crash that nobody here noticed. So the checkpoint is read once more when it has become quiet.
 */
const FLUSHED_MS = 1_000

/** Moves a lane's live projections on, batch by batch, past whatever stands in the way. */
export interface LiveConsumer {
  /** One batch. A throw means an outage, or a bug, and that the next step has to find out where the lane is. */
  step(live: ProjectionSet, fence: number): Promise<LiveStep>
  /** Others may have moved the checkpoint. */
  distrust(): void
}

export function createLiveConsumer(options: LiveConsumerOptions): LiveConsumer {
  const { lane, largestBatch, sql, advances, counters, clock, onAlert } = options
  const context: BatchContext = { ...options, store: createReadAhead(options.store) }
  // `undefined`: not known, or no longer trusted, and read again.
  let checkpoint: number | undefined
  // The last commit that the disk may not have yet.
  let unflushedAt: number | undefined
  let batchSize = Math.min(100, largestBatch)
  let blocked = false
  let suspicion: Suspicion | undefined
  let breaker: Breaker = CLOSED

  const limit = (): number => {
    if (blocked) return 1
    const size = breaker.kind === 'half-open' ? Math.min(batchSize, PROBE_EVENTS) : batchSize
    return suspicion === undefined ? size : Math.min(size, suspicion.limit)
  }

  const committed = (
    result: Extract<BatchResult, { kind: 'committed' }>,
    live: ProjectionSet,
    asked: number,
    ms: number,
  ): LiveStep => {
    checkpoint = result.to
    unflushedAt = clock()
    if (breaker.kind === 'half-open' && result.breaker.kind === 'closed') onAlert({ kind: 'breaker-closed', lane })
    breaker = result.breaker
    counters.batches += 1
    counters.events += result.events
    counters.rows += result.rows
    counters.parked += result.parked.length
    tellParked(onAlert, lane, live, result.parked)
    advances.tell(lane, result.to)
    if (suspicion !== undefined) suspicion = clear(suspicion, result.to)
    else if (breaker.kind === 'closed' && asked > 1) {
      batchSize = nextBatchSize(asked, { events: result.events, ms, bytes: result.bytes }, largestBatch)
    }
    return { kind: 'moved', more: result.more }
  }

  return {
    distrust: () => {
      checkpoint = undefined
    },
    step: async (live, fence) => {
      breaker = wake(breaker, clock())
      if (breaker.kind === 'open') return { kind: 'blocked', block: toFailingBlock(breaker) }
      if (unflushedAt !== undefined && clock() - unflushedAt >= FLUSHED_MS) {
        unflushedAt = undefined
        checkpoint = undefined
      }
      if (checkpoint === undefined) {
        const stored = await readCheckpoint(sql, { consumer: SYNCED, lane })
        checkpoint = stored?.position ?? 0
        advances.correct(lane, checkpoint)
      }
      const asked = limit()
      const startedAt = clock()
      let result: BatchResult
      try {
        result = await runBatch(context, {
          consumer: SYNCED,
          lane,
          from: checkpoint,
          limit: asked,
          fence,
          set: live,
          condemned: suspicion?.condemned?.position === checkpoint + 1 ? suspicion.condemned : undefined,
          // Where all is to be parked, nothing is looked at.
          judge: (tallies) => judge(breaker, options.onMassFailure === 'park' ? [] : tallies, clock()),
        })
      } catch (error) {
        batchSize = afterThrow(asked)
        throw error
      } finally {
        counters.busyMs += clock() - startedAt
        counters.batchLimit = limit()
      }
      blocked = result.kind === 'blocked'
      switch (result.kind) {
        case 'empty':
          // Another process may be the one that moves the checkpoint: then the log looks empty to nobody.
          return { kind: 'moved', more: false }
        case 'committed':
          return committed(result, live, asked, clock() - startedAt)
        case 'refused':
          breaker = result.breaker
          counters.breakerOpened += 1
          onAlert({
            kind: 'breaker-opened',
            lane,
            cause: result.breaker.cause,
            openings: result.breaker.openings,
            retryInMs: Math.ceil(result.breaker.until - clock()),
          })
          return { kind: 'blocked', block: toFailingBlock(result.breaker) }
        case 'failed':
          if (result.hung) counters.hung += 1
          suspicion = suspect(suspicion, result)
          if (isHopeless(suspicion)) throw new Error(result.message)
          return { kind: 'moved', more: true }
        case 'blocked':
          checkpoint = undefined
          return result
        case 'fenced':
        case 'stale':
          checkpoint = undefined
          return { kind: result.kind }
        case 'registry':
          return { kind: 'registry' }
      }
    },
  }
}

function tellParked(onAlert: OnAlert, lane: number, live: ProjectionSet, parked: readonly ParkedEvent[]): void {
  if (parked.length === 0) return
  for (const { id, projection } of live.members) {
    const its = parked.filter((event) => event.projection === id)
    const [first] = its
    if (first === undefined) continue
    const { tenant, by, key, position, type, error } = first
    onAlert({
      kind: 'parked',
      lane,
      projection: projection.name,
      events: its.length,
      first: { tenant, by, key, position, type, error: error?.message ?? '' },
    })
  }
}
