import type { EventStore } from '@tidemark/core'
import type { Projections } from '@tidemark/projections'
import { errorFields, type Logger } from '../logger.ts'

/** Tells live streams that their lane may hold something new. One look at the database serves all of them. */
export interface LaneWatch {
  /** Returns the end of watching. */
  watch(lane: number, listener: () => void): () => void
  close(): void
}

export interface LaneWatchOptions {
  readonly store: Pick<EventStore, 'onWake'>
  readonly projections: Pick<Projections, 'onAdvance' | 'lag'>
  readonly logger: Logger
  /** How often checkpoints are looked at when nothing is heard. Milliseconds, default 1,000. */
  readonly pollMs?: number
}

/**
 * A wake-up of the store comes before the rows are projected, and the checkpoint that follows tells of them. Only
 * refusals have no checkpoint of their own; for them the wake-up is passed on after this time, unless one came.
 */
const REFUSAL_DELAY_MS = 50

export function createLaneWatch(options: LaneWatchOptions): LaneWatch {
  const { store, projections, logger, pollMs = 1_000 } = options
  const listenersByLane = new Map<number, Set<() => void>>()
  const checkpoints = new Map<number, number>()
  const delayed = new Map<number, NodeJS.Timeout>()
  let poll: NodeJS.Timeout | undefined
  let closed = false

  const tell = (lane: number): void => {
    clearTimeout(delayed.get(lane))
    delayed.delete(lane)
    for (const listener of [...(listenersByLane.get(lane) ?? [])]) listener()
  }
  const stopAdvance = projections.onAdvance((lane, position) => {
    checkpoints.set(lane, Math.max(position, checkpoints.get(lane) ?? 0))
    tell(lane)
  })
  const stopWake = store.onWake((lane) => {
    if (!listenersByLane.has(lane) || delayed.has(lane)) return
    delayed.set(lane, setTimeout(() => tell(lane), REFUSAL_DELAY_MS).unref())
  })

  const look = async (): Promise<void> => {
    try {
      for (const { lane, checkpoint } of await projections.lag()) {
        const known = checkpoints.get(lane)
        checkpoints.set(lane, Math.max(checkpoint, known ?? 0))
        // The first look tells too: the lane may have moved since the streams looked themselves.
        if (known === undefined || checkpoint > known) tell(lane)
      }
    } catch (error) {
      logger.warn('checkpoints could not be read', errorFields(error))
    }
    poll = undefined
    schedule()
  }
  const schedule = (): void => {
    if (closed || poll !== undefined || listenersByLane.size === 0) return
    poll = setTimeout(() => void look(), pollMs).unref()
  }

  return {
    watch: (lane, listener) => {
      const listeners = listenersByLane.get(lane) ?? new Set()
      // A closure of its own: two streams may hand in one function.
      const own = (): void => listener()
      listeners.add(own)
      listenersByLane.set(lane, listeners)
      schedule()
      return () => {
        listeners.delete(own)
        if (listeners.size === 0 && listenersByLane.get(lane) === listeners) listenersByLane.delete(lane)
      }
    },
    close: () => {
      closed = true
      stopAdvance()
      stopWake()
      clearTimeout(poll)
      for (const timer of delayed.values()) clearTimeout(timer)
    },
  }
}
