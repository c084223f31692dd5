import { createAlarm } from '../alarm.ts'
import type { Advances } from '../advances.ts'
import type { Block } from '../interpret-events.ts'
import { createLease, type LeaseState } from '../lease.ts'
import { afterThrow, backOffMs, nextBatchSize } from '../pacing.ts'
import { runSqlBatch, type SqlBatchContext } from './run-sql-batch.ts'
import { enterSql } from './statements/registry.ts'

export interface SqlWorkerOptions extends SqlBatchContext {
  readonly lane: number
  /** Name of this process among those that work on the database. */
  readonly holder: string
  readonly pollMs: number
  readonly largestBatch: number
  readonly advances: Advances
  readonly onError: (error: unknown) => void
  /** In [0, 1). */
  readonly random: () => number
  /** Milliseconds of a clock that never runs backwards. */
  readonly clock: () => number
}

export interface SqlWorker {
  /** There may be something to do. */
  wake(): void
  health(): {
    readonly beatAt: number
    readonly blocked: Block | undefined
    readonly failure: string | undefined
    readonly lease: LeaseState
  }
  /** Resolves when the batch in flight is done and the loop has ended. */
  stop(): Promise<void>
}

/** A blocked lane is looked at this many times less often: what unblocks it is a release. */
const BLOCKED_POLLS = 4
/** So many failures in a row give another process a turn. */
const YIELD_AFTER = 5

/** Keeps one SQL projection's tables up to date in one lane, until it is stopped. It never ends by itself. */
export function startSqlWorker(options: SqlWorkerOptions): SqlWorker {
  const { lane, sql, member, advances, clock, pollMs, largestBatch } = options
  const alarm = createAlarm()
  // Rung by `stop` only: hints must not cut a pause after a failure short.
  const ending = createAlarm()
  const lease = createLease({ ...options, consumer: `sql:${member.id}` })
  const stopped = { is: false }
  // `undefined`: not known, or no longer trusted, and read again.
  let checkpoint: number | undefined
  let batchSize = Math.min(100, largestBatch)
  let beatAt = clock()
  let blocked: Block | undefined
  let failures = 0
  let failure: string | undefined

  /** Returns whether there is more to do at once. */
  const round = async (): Promise<boolean> => {
    const had = lease.state().kind
    const state = await lease.take()
    if (state.kind !== 'held') return false
    if (had !== 'held') checkpoint = undefined
    if (checkpoint === undefined) {
      checkpoint = (await enterSql(sql, { projection: member.id, lane })).position
      advances.tell(lane, checkpoint)
    }
    const startedAt = clock()
    const asked = blocked === undefined ? batchSize : 1
    const request = { lane, from: checkpoint, limit: asked, fence: state.fence }
    const result = await runSqlBatch(options, request).catch((error: unknown) => {
      batchSize = afterThrow(asked)
      throw error
    })
    if (result.kind !== 'blocked') blocked = undefined
    switch (result.kind) {
      case 'empty':
        return false
      case 'committed':
        checkpoint = result.to
        advances.tell(lane, checkpoint)
        if (asked > 1)
          batchSize = nextBatchSize(asked, { events: result.events, ms: clock() - startedAt }, largestBatch)
        return result.more
      case 'blocked':
        blocked = result.block
        checkpoint = undefined
        // A process with newer code may go on from here.
        await lease.release()
        return false
      case 'fenced':
        lease.lost()
        checkpoint = undefined
        return true
      case 'stale':
      case 'registry':
        checkpoint = undefined
        return true
    }
  }

  const loop = async (): Promise<void> => {
    while (!stopped.is) {
      beatAt = clock()
      try {
        const more = await round()
        failures = 0
        failure = undefined
        if (!more) await alarm.wait(blocked === undefined ? pollMs : pollMs * BLOCKED_POLLS)
      } catch (error) {
        // Whether the commit came through is not known: the checkpoint tells.
        checkpoint = undefined
        failures += 1
        failure = error instanceof Error ? error.message : String(error)
        options.onError(error)
        if (failures % YIELD_AFTER === 0) await lease.release()
        await ending.wait(backOffMs(failures, options.random()))
      }
    }
  }
  // So that another process need not wait until it expires.
  const ended = loop().then(() => lease.release())

  return {
    wake: () => alarm.ring(),
    health: () => ({ beatAt, blocked, failure, lease: lease.state() }),
    stop: () => {
      stopped.is = true
      alarm.ring()
      ending.ring()
      return ended
    },
  }
}
