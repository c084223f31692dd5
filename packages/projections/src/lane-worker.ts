import { createAlarm } from './alarm.ts'
import { createCounters, type LaneCounters } from './counters.ts'
import type { FailingBlock } from './failing-block.ts'
import { createLiveConsumer, type LiveConsumerOptions } from './live-consumer.ts'
import { toDuties, type LaneDuties, type RegistryBlock } from './lane-registry.ts'
import type { Block } from './interpret-events.ts'
import { backOffMs } from './pacing.ts'
import type { RegisteredProjection } from './registered-projection.ts'
import { createBuild, type Build } from './build.ts'
import { createLease, type Lease, type LeaseState } from './lease.ts'
import { readCheckpoint, SYNCED } from './statements/checkpoint.ts'
import { enterLane } from './statements/registry.ts'

export interface LaneWorkerOptions extends Omit<LiveConsumerOptions, 'counters'> {
  readonly own: readonly RegisteredProjection[]
  /** Name of this process among those that work on the database. */
  readonly holder: string
  readonly pollMs: number
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
  health(): LaneHealth
  /** Resolves when the batch in flight is done and the loop has ended. */
  stop(): Promise<void>
}

/** A blocked lane is looked at this many times less often: what unblocks it is a release. */
const BLOCKED_POLLS = 4
/** So many failures in a row give another process a turn. */
const YIELD_AFTER = 5
/** After a hint, a process that does not work itself looks for the new checkpoint this often, and for so long. */
const FOLLOW_MS = 10
const FOLLOW_FOR_MS = 300

/** Runs the synced projections of one lane, and the builds of new ones, until it is stopped. It never ends by itself. */
export function startLaneWorker(options: LaneWorkerOptions): LaneWorker {
  const { lane, own, pollMs, largestBatch, advances, sql, clock, onAlert } = options
  const alarm = createAlarm()
  // Rung by `stop` only: hints must not cut a pause after a failure short.
  const ending = createAlarm()
  const stopped = { is: false }
  let duties: LaneDuties | undefined
  let entered = false
  let builds: readonly Build[] = []
  const counters = createCounters(lane)
  const consumer = createLiveConsumer({ ...options, counters })
  const lease = createLease({ ...options, consumer: SYNCED })
  const buildLeases = new Map<number, Lease>()
  let hintedAt = -FOLLOW_FOR_MS
  let beatAt = clock()
  let blocked: LaneBlock | undefined
  let failures = 0
  let failure: string | undefined
  let buildBlock: LaneBlock | undefined
  let buildFailures = 0
  let buildAgainAt = 0

  const enter = async (): Promise<LaneDuties> => {
    // Others are retired once, when this worker starts: two releases side by side must not do it to each other for ever.
    const versions = await enterLane(sql, { lane, own: own.map((member) => member.id), retireOthers: !entered })
    entered = true
    const found = toDuties(own, versions)
    builds = found.building.map((member) => createBuild(options, member))
    return found
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

  const leaseOf = ({ id, consumer }: Build): Lease => {
    const known = buildLeases.get(id)
    if (known !== undefined) return known
    const created = createLease({ ...options, consumer })
    buildLeases.set(id, created)
    return created
  }

  /** Sees how far the process has come that works here. */
  const follow = async (): Promise<void> => {
    const stored = await readCheckpoint(sql, { consumer: SYNCED, lane })
    if (stored === undefined || stored.position <= advances.at(lane)) return
    hintedAt = -FOLLOW_FOR_MS
    advances.tell(lane, stored.position)
  }

  /** One batch of each version that is being built. Its failures do not hold the live ones up. */
  const build = async (): Promise<boolean> => {
    if (builds.length === 0 || clock() < buildAgainAt) return false
    let more = false
    buildBlock = undefined
    try {
      for (const running of builds) {
        const own = leaseOf(running)
        const had = own.state().kind
        const state = await own.take()
        if (state.kind !== 'held') continue
        if (had !== 'held') {
          // Its former holder may have finished it.
          duties = undefined
          continue
        }
        const step = await running.step(largestBatch, state.fence)
        if (step.kind === 'more') more = true
        else {
          if (step.kind === 'blocked') buildBlock = step.block
          else duties = undefined
          await own.release()
        }
      }
      buildFailures = 0
    } catch (error) {
      duties = undefined
      buildFailures += 1
      buildAgainAt = clock() + backOffMs(buildFailures, options.random())
      options.onError(error)
      return false
    }
    return more || duties === undefined
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
    let more = false
    if (state.kind === 'held') {
      more = await advance(known, state.fence)
    } else {
      if (state.kind === 'denied') setBlocked(undefined)
      await follow()
    }
    return (duties === undefined ? false : await build()) || more
  }

  const pauseMs = (): number => {
    if (lease.state().kind !== 'held' && clock() - hintedAt < FOLLOW_FOR_MS) return FOLLOW_MS
    return blocked === undefined ? pollMs : pollMs * BLOCKED_POLLS
  }

  const loop = async (): Promise<void> => {
    while (!stopped.is) {
      beatAt = clock()
      try {
        const more = await round()
        if (failures >= YIELD_AFTER) onAlert({ kind: 'recovered', lane })
        failures = 0
        failure = undefined
        if (!more) await alarm.wait(pauseMs())
      } catch (error) {
        // Whether the commit came through is not known: the checkpoint tells.
        consumer.distrust()
        failures += 1
        counters.failures += 1
        failure = error instanceof Error ? error.message : String(error)
        options.onError(error)
        if (failures === YIELD_AFTER) onAlert({ kind: 'failing', lane, failures, message: failure })
        // It may be this process that is the matter.
        if (failures % YIELD_AFTER === 0) await lease.release()
        await ending.wait(backOffMs(failures, options.random()))
      }
    }
  }
  const ended = loop()
    // So that another process need not wait until they expire.
    .then(() => Promise.all([lease, ...buildLeases.values()].map((own) => own.release())))
    .then(() => {})

  return {
    wake: () => {
      hintedAt = clock()
      alarm.ring()
    },
    health: () => ({ beatAt, blocked: blocked ?? buildBlock, failure, lease: lease.state(), counters }),
    stop: () => {
      stopped.is = true
      alarm.ring()
      ending.ring()
      return ended
    },
  }
}

function textOf({ reason, detail }: LaneBlock): { readonly reason: string; readonly detail: string } {
  return { reason, detail }
}
