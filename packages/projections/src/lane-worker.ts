import { createCounters, type LaneCounters } from './counters.ts'
import type { FailingBlock } from './failing-block.ts'
import { createLiveConsumer, type LiveConsumerOptions } from './live-consumer.ts'
import { definitionOf } from './definition.ts'
import { toDuties, type LaneDuties, type RegistryBlock } from './lane-registry.ts'
import { messageOf, type Block } from './interpret-events.ts'
import type { RegisteredProjection } from './registered-projection.ts'
import { createLease, type LeaseState } from './lease.ts'
import { readCheckpoint, SYNCED } from './statements/checkpoint.ts'
import { enterLane } from './statements/registry.ts'
import { BLOCKED_POLLS, startWorkLoop, YIELD_AFTER } from './work-loop.ts'

export interface LaneWorkerOptions extends Omit<LiveConsumerOptions, 'counters'> {
  readonly own: readonly RegisteredProjection[]
  /** Name of this process among those that work on the database. */
  readonly holder: string
  readonly pollMs: number
  /** Versions that its code does not have are retired when it starts. */
  readonly retires: boolean
  /** What is at work in the lane may be different now; a version may have to be built. */
  readonly onEnter: () => void
  readonly onError: (error: unknown) => void
  /** In [0, 1). */
  readonly random: () => number
}

export type LaneBlock = Block | RegistryBlock | FailingBlock

export interface LaneHealth {
  /** When the loop last came round, on the worker's clock. */
  readonly beatAt: number
  readonly blocked: LaneBlock | undefined
  /** The failure that is being retried. */
  readonly failure: string | undefined
  readonly lease: LeaseState
  readonly counters: LaneCounters
}

export interface LaneWorker {
  /** There may be something to do. */
  wake(): void
  /** What is live in the lane is different now. */
  enterAgain(): void
  health(): LaneHealth
  /** Resolves when the batch in flight is done and the loop has ended. */
  stop(): Promise<void>
}

/** After a hint, a process that does not work itself looks for the new checkpoint this often, and for so long. */
const FOLLOW_MS = 10
const FOLLOW_FOR_MS = 300

/** Runs the synced projections of one lane until it is stopped. It never ends by itself. */
export function startLaneWorker(options: LaneWorkerOptions): LaneWorker {
  const { lane, own, pollMs, advances, sql, clock, onAlert, holder } = options
  const versioned = own.map(({ id, projection }) => ({ id, definition: definitionOf(projection) }))
  let duties: LaneDuties | undefined
  let entered = false
  const counters = createCounters(lane)
  const consumer = createLiveConsumer({ ...options, counters })
  const lease = createLease({ ...options, consumer: SYNCED })
  let hintedAt = -FOLLOW_FOR_MS
  let blocked: LaneBlock | undefined

  const enter = async (): Promise<LaneDuties> => {
    // Others are retired once, when this worker starts: two releases side by side must not do it to each other for ever.
    const versions = await enterLane(sql, { lane, own: versioned, retireOthers: options.retires && !entered, holder })
    entered = true
    options.onEnter()
    return toDuties(own, versions)
  }

  const setBlocked = (block: LaneBlock | undefined): void => {
    if (blocked?.reason !== block?.reason) {
      onAlert(block === undefined ? { kind: 'unblocked', lane } : { kind: 'blocked', lane, ...textOf(block) })
    }
    blocked = block
  }

  /** One batch of the live projections. Returns whether there is more to do at once. */
  const advance = async (live: LaneDuties, fence: number): Promise<boolean> => {
    const step = await consumer.step(live.live, fence)
    if (step.kind !== 'blocked') setBlocked(undefined)
    switch (step.kind) {
      case 'moved':
        return step.more
      case 'blocked':
        setBlocked(step.block)
        // A process with other code may go on from here.
        await lease.release()
        return false
      case 'registry':
        duties = undefined
        return true
      case 'fenced':
        lease.lost()
        return true
      case 'stale':
        return true
    }
  }

  /** Sees how far the process has come that works here. */
  const follow = async (): Promise<void> => {
    const stored = await readCheckpoint(sql, { consumer: SYNCED, lane })
    if (stored === undefined) return
    if (stored.position > advances.at(lane)) hintedAt = -FOLLOW_FOR_MS
    advances.correct(lane, stored.position)
  }

  const round = async (): Promise<boolean> => {
    const entering = duties === undefined
    const known = (duties ??= await enter())
    if (known.block !== undefined) {
      setBlocked(known.block)
      // Asked again at the next round: the other release may have gone.
      duties = undefined
      await lease.release()
      await follow()
      return false
    }
    const had = lease.state().kind
    const state = await lease.take()
    if (state.kind === 'held' && had !== 'held') {
      // What was known of the lane is from when another process worked in it.
      consumer.distrust()
      if (!entering) {
        duties = undefined
        return true
      }
    }
    if (state.kind === 'held') return advance(known, state.fence)
    if (state.kind === 'denied') setBlocked(undefined)
    await follow()
    return false
  }

  const pauseMs = (): number => {
    if (lease.state().kind !== 'held' && clock() - hintedAt < FOLLOW_FOR_MS) return FOLLOW_MS
    return blocked === undefined ? pollMs : pollMs * BLOCKED_POLLS
  }

  const loop = startWorkLoop({
    ...options,
    lease,
    round,
    pauseMs,
    onFailure: (error, failures) => {
      // Whether the commit came through is not known: the checkpoint tells.
      consumer.distrust()
      counters.failures += 1
      options.onError(error)
      if (failures === YIELD_AFTER) onAlert({ kind: 'failing', lane, failures, message: messageOf(error) })
    },
    onRecovered: (failures) => {
      if (failures >= YIELD_AFTER) onAlert({ kind: 'recovered', lane })
    },
  })

  return {
    enterAgain: () => {
      duties = undefined
      loop.wake()
    },
    wake: () => {
      hintedAt = clock()
      loop.wake()
    },
    health: () => ({ ...loop.health(), blocked, lease: lease.state(), counters }),
    stop: () => loop.stop(),
  }
}

function textOf({ reason, detail }: LaneBlock): { readonly reason: string; readonly detail: string } {
  return { reason, detail }
}
