import type { WakeListener } from '@tidemark/core'

/** Who wants to know that a lane may have grown. */
export interface Wakes {
  readonly listen: (listener: WakeListener) => () => void
  readonly wake: (lane: number) => void
  /** Wakes everyone for every lane that was ever woken or asked for. */
  readonly wakeAll: () => void
  /** Adds a lane to those of `wakeAll`. */
  readonly know: (lane: number) => void
}

export function createWakes(): Wakes {
  // A listener may be added twice, so each gets an entry of its own.
  const listeners = new Set<{ readonly listener: WakeListener }>()
  const lanes = new Set<number>([0])
  const wake = (lane: number): void => {
    lanes.add(lane)
    for (const { listener } of listeners) {
      try {
        listener(lane)
      } catch (error) {
        // The listener's bug must not become the writer's: it surfaces as an uncaught exception of its own.
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
  return {
    listen(listener) {
      const entry = { listener }
      listeners.add(entry)
      return () => void listeners.delete(entry)
    },
    wake,
    wakeAll() {
      for (const lane of lanes) wake(lane)
    },
    know: (lane) => void lanes.add(lane),
  }
}
