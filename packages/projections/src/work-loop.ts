import { createAlarm } from './alarm.ts'
import { messageOf } from './interpret-events.ts'
import type { Lease } from './lease.ts'
import { backOffMs } from './pacing.ts'

/** A blocked lane is looked at this many times less often: what unblocks it is a release. */
export const BLOCKED_POLLS = 4
/** So many failures in a row give another process a turn, and are told. */
export const YIELD_AFTER = 5

export interface WorkLoopOptions {
  readonly lease: Pick<Lease, 'release'>
  /** One piece of work. Returns whether there is more to do at once. A throw is a failure, after which it comes again. */
  readonly round: () => Promise<boolean>
  /** How long to wait for a hint where there is nothing to do. Milliseconds. */
  readonly pauseMs: () => number
  /** What was known may be wrong now: whether a commit came through, only the database can tell. Before the pause. */
  readonly onFailure: (error: unknown, failures: number) => void | Promise<void>
  /** A round came through after so many failures in a row. */
  readonly onRecovered: (failures: number) => void
  /** In [0, 1). */
  readonly random: () => number
  /** Milliseconds of a clock that never runs backwards. */
  readonly clock: () => number
}

export interface WorkLoop {
  /** There may be something to do. Does not cut a pause after a failure short. */
  wake(): void
  health(): {
    /** When it last came round, on its clock. */
    readonly beatAt: number
    /** The failure that is being retried. */
    readonly failure: string | undefined
  }
  /** Resolves when the round in flight is done, and the lease given back. */
  stop(): Promise<void>
}

/**
 * Goes round until it is stopped, and never ends by itself: failures are tried again after a pause, and every few of them the
 * lease is given back, as it may be this process that is the matter.
 */
export function startWorkLoop(options: WorkLoopOptions): WorkLoop {
  const { lease, round, pauseMs, onFailure, onRecovered, random, clock } = options
  const alarm = createAlarm()
  // Rung by `stop` only: hints must not cut a pause after a failure short.
  const ending = createAlarm()
  const stopped = { is: false }
  let beatAt = clock()
  let failures = 0
  let failure: string | undefined

  const loop = async (): Promise<void> => {
    while (!stopped.is) {
      beatAt = clock()
      try {
        const more = await round()
        const before = failures
        failures = 0
        failure = undefined
        if (before > 0) onRecovered(before)
        if (!more) await alarm.wait(pauseMs())
      } catch (error) {
        failures += 1
        failure = messageOf(error)
        await onFailure(error, failures)
        if (failures % YIELD_AFTER === 0) await lease.release()
        await ending.wait(backOffMs(failures, random()))
      }
    }
  }
  // So that another process need not wait until it expires.
  const ended = loop().then(() => lease.release())

  return {
    wake: () => alarm.ring(),
    health: () => ({ beatAt, failure }),
    stop: () => {
      stopped.is = true
      alarm.ring()
      ending.ring()
      return ended
    },
  }
}
