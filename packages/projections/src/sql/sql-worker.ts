import type { Advances } from '../advances.ts'
import type { ParkedEvent } from '../fold-batch.ts'
import { messageOf, type Block } from '../interpret-events.ts'
import { createLease, type LeaseState } from '../lease.ts'
import { afterThrow, nextBatchSize } from '../pacing.ts'
import { BLOCKED_POLLS, startWorkLoop, YIELD_AFTER } from '../work-loop.ts'
import { carryOutDecision } from './carry-out-decision.ts'
import { runSqlBatch, type SqlBatchContext } from './run-sql-batch.ts'
import type { OnSqlAlert } from './sql-alert.ts'
import { catalogueName } from './plan-statements.ts'
import { dueDecisions } from './statements/decisions.ts'
import { enterSql } from './statements/registry.ts'
import { noteTrouble, type SqlTrouble } from './statements/sql-status.ts'

export interface SqlWorkerOptions extends SqlBatchContext {
  readonly lane: number
  /** Name of this process among those that work on the database. */
  readonly holder: string
  readonly pollMs: number
  readonly largestBatch: number
  readonly advances: Advances
  readonly onAlert: OnSqlAlert
  readonly onError: (error: unknown) => void
  /** In [0, 1). */
  readonly random: () => number
  /** Milliseconds of a clock that never runs backwards. */
  readonly clock: () => number
}

/** What a worker has done since its process started. All only ever grow. */
export interface SqlCounts {
  /** Events moved over, and the batches that did. */
  readonly events: number
  readonly batches: number
  /** Events set aside for what is wrong with themselves. */
  readonly parked: number
  /** Rounds that failed and were tried again. */
  readonly failures: number
  /** Times that code of the app did not end and was broken off. */
  readonly hung: number
}

export interface SqlWorker {
  /** There may be something to do. */
  wake(): void
  health(): {
    readonly beatAt: number
    readonly blocked: Block | undefined
    readonly failure: string | undefined
    readonly lease: LeaseState
    readonly counts: SqlCounts
  }
  /** Resolves when the batch in flight is done and the loop has ended. */
  stop(): Promise<void>
}

/** How often it is asked what people decided, while there is other work. Milliseconds. */
const DECISIONS_MS = 250
const DECISIONS_AT_ONCE = 20

/** Keeps one SQL projection's tables up to date in one lane, until it is stopped. It never ends by itself. */
export function startSqlWorker(options: SqlWorkerOptions): SqlWorker {
  const { lane, sql, member, advances, clock, pollMs, largestBatch, onAlert } = options
  const { version } = member.projection
  const which = { projection: catalogueName(member.projection.name), version, lane }
  const counts = { events: 0, batches: 0, parked: 0, failures: 0, hung: 0 }
  const lease = createLease({ ...options, consumer: `sql:${member.id}` })
  // `undefined`: not known, or no longer trusted, and read again.
  let checkpoint: number | undefined
  let batchSize = Math.min(100, largestBatch)
  let blocked: Block | undefined
  // What the table says is wrong, '' where it says nothing; `undefined`: a process before this one may have written it.
  let noted: string | undefined
  let decidedAt = -DECISIONS_MS

  const note = async (trouble: Omit<SqlTrouble, 'since'> | null): Promise<void> => {
    const text = trouble === null ? '' : JSON.stringify(trouble)
    if (noted === text) return
    await noteTrouble(sql, { projection: member.id, lane, trouble })
    noted = text
  }

  const setBlocked = async (block: Block | undefined): Promise<void> => {
    if (blocked?.reason !== block?.reason) {
      if (block === undefined) onAlert({ kind: 'unblocked', ...which })
      else onAlert({ kind: 'blocked', ...which, reason: block.reason, detail: block.detail })
    }
    blocked = block
    await note(block === undefined ? null : { kind: 'blocked', message: block.detail })
  }

  /** Returns whether there may be more. */
  const carryOut = async (): Promise<boolean> => {
    if (clock() - decidedAt < Math.min(DECISIONS_MS, pollMs)) return false
    const due = await dueDecisions(sql, { projection: member.id, lane, limit: DECISIONS_AT_ONCE })
    for (const decision of due) await carryOutDecision(options, decision)
    decidedAt = due.length < DECISIONS_AT_ONCE ? clock() : -DECISIONS_MS
    return due.length === DECISIONS_AT_ONCE
  }

  /** Returns whether there is more to do at once. */
  const round = async (): Promise<boolean> => {
    const had = lease.state().kind
    const state = await lease.take()
    if (state.kind !== 'held') return false
    if (had !== 'held') {
      checkpoint = undefined
      noted = undefined
    }
    if (checkpoint === undefined) {
      checkpoint = (await enterSql(sql, { projection: member.id, lane })).position
      advances.tell(lane, checkpoint)
    }
    const decides = await carryOut()
    const startedAt = clock()
    const asked = blocked === undefined ? batchSize : 1
    const request = { lane, from: checkpoint, limit: asked, fence: state.fence }
    const result = await runSqlBatch(options, request).catch((error: unknown) => {
      batchSize = afterThrow(asked)
      throw error
    })
    if (result.kind === 'empty' || result.kind === 'committed') await setBlocked(undefined)
    switch (result.kind) {
      case 'empty':
        return decides
      case 'committed':
        checkpoint = result.to
        counts.batches += 1
        counts.events += result.events
        counts.parked += result.parked.length
        counts.hung += result.hung
        tellParked(onAlert, which, result.parked)
        advances.tell(lane, checkpoint)
        if (asked > 1)
          batchSize = nextBatchSize(asked, { events: result.events, ms: clock() - startedAt }, largestBatch)
        return result.more || decides
      case 'blocked':
        await setBlocked(result.block)
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

  const loop = startWorkLoop({
    ...options,
    lease,
    round,
    pauseMs: () => (blocked === undefined ? pollMs : pollMs * BLOCKED_POLLS),
    onFailure: async (error, failures) => {
      // Whether the commit came through is not known: the checkpoint tells.
      checkpoint = undefined
      counts.failures += 1
      const message = messageOf(error)
      options.onError(error)
      if (failures === YIELD_AFTER) onAlert({ kind: 'failing', ...which, failures, message })
      // Where the database is away, nobody can read it either.
      if (lease.state().kind === 'held') await note({ kind: 'failing', message }).catch(() => {})
    },
    onRecovered: (failures) => {
      if (failures >= YIELD_AFTER) onAlert({ kind: 'recovered', ...which })
    },
  })

  return {
    wake: () => loop.wake(),
    health: () => ({ ...loop.health(), blocked, lease: lease.state(), counts }),
    stop: () => loop.stop(),
  }
}

function tellParked(
  onAlert: OnSqlAlert,
  which: { readonly projection: string; readonly version: number; readonly lane: number },
  parked: readonly ParkedEvent[],
): void {
  const [first] = parked
  if (first === undefined) return
  const { tenant, stream, position, type, reason, error } = first
  onAlert({
    kind: 'parked',
    ...which,
    events: parked.length,
    first: { tenant, stream, position, type, reason, error: error?.message ?? '' },
  })
}
