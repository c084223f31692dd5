import type { Driver } from '@tidemark/store'
import { createAlarm } from './alarm.ts'
import { purgeRemovals, purgeRetired } from './statements/purge.ts'

/** What is kept for a while only. Fractions of days are fine; `Infinity` keeps it for good. */
export interface Retention {
  /**
   * How long clients are told of rows that were deleted or left a scope. One that was away for longer fetches its rows anew.
   * Default 90.
   */
  readonly removalDays: number
  /** How long the rows of a version that was replaced are kept for the way back. Default 7. */
  readonly retiredDays: number
  /** How often it is looked whether something is over. Milliseconds, default a minute. */
  readonly everyMs: number
}

export const RETENTION: Retention = { removalDays: 90, retiredDays: 7, everyMs: 60_000 }

const DAY_MS = 86_400_000
/** What a commit waits for at most, in rows, and the rest after each such portion: nobody is in a hurry here. */
const PORTION = 500
const REST_MS = 50

export interface RetentionLoop {
  /** Resolves when the portion in flight is through. */
  stop(): Promise<void>
}

/** Takes away what has been kept for long enough, in the lanes that this process works in, a portion at a time. */
export function startRetention(options: {
  readonly sql: Driver
  readonly retention: Retention
  /** Those in which this process holds the lease. */
  readonly lanes: () => readonly number[]
  readonly onError: (error: unknown) => void
}): RetentionLoop {
  const { sql, retention, lanes, onError } = options
  const ending = createAlarm()
  const stopped = { is: false }

  const purge = async (lane: number, days: number, portion: typeof purgeRemovals): Promise<void> => {
    if (!Number.isFinite(days)) return
    while (!stopped.is && lanes().includes(lane)) {
      if ((await portion(sql, { lane, olderMs: days * DAY_MS, limit: PORTION })) === 0) return
      await ending.wait(REST_MS)
    }
  }

  const loop = async (): Promise<void> => {
    while (!stopped.is) {
      for (const lane of lanes()) {
        try {
          await purge(lane, retention.removalDays, purgeRemovals)
          await purge(lane, retention.retiredDays, purgeRetired)
        } catch (error) {
          // The next look tries again.
          onError(error)
        }
      }
      if (!stopped.is) await ending.wait(retention.everyMs)
    }
  }
  const ended = loop()

  return {
    stop: () => {
      stopped.is = true
      ending.ring()
      return ended
    },
  }
}
