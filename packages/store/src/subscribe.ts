/**
 * Catch-up and live are one loop: read from the position, hand over, and when nothing is there wait for a hint or the
 * polling interval. Nothing is read before the consumer asks.
 */
import type { AbortSignalLike, StoredEvent, SubscribeOptions } from '@tidemark/core'
import { isTransient } from './errors.ts'
import type { Wakes } from './wakes.ts'

export interface SubscribeSource {
  readonly readLane: (read: { lane: number; after: number; limit: number }) => Promise<readonly StoredEvent[]>
  readonly wakes: Wakes
  /** Longest wait when no hint comes. */
  readonly pollMs: number
  /** Ends every subscription. */
  readonly stopped: AbortSignalLike
}

const DEFAULT_BATCH = 500
const LONGEST_PAUSE_MS = 2_000

export async function* subscribeLane(
  source: SubscribeSource,
  options: SubscribeOptions,
): AsyncGenerator<readonly StoredEvent[], void, void> {
  const { lane } = options
  const signals = [options.signal, source.stopped]
  const isOver = (): boolean => signals.some((signal) => signal.aborted)
  const limit = options.batch ?? DEFAULT_BATCH
  let after = options.after
  let failures = 0
  // Set before each read: a hint that comes during the read is not lost, it only makes the next wait empty.
  let woken = false
  let interrupt = (): void => {}
  const stopListening = source.wakes.listen((wokenLane) => {
    if (wokenLane !== lane) return
    woken = true
    interrupt()
  })
  const onAbort = (): void => interrupt()
  for (const signal of signals) signal.addEventListener('abort', onAbort)
  try {
    while (!isOver()) {
      woken = false
      let events: readonly StoredEvent[] = []
      try {
        events = await source.readLane({ lane, after, limit })
        failures = 0
      } catch (error) {
        if (!isTransient(error)) throw error
        failures++
      }
      if (isOver()) return
      const last = events.at(-1)
      if (last !== undefined) {
        after = last.position
        yield events
        continue
      }
      if (woken && failures === 0) continue
      // While the database cannot be asked, hints do not help; pauses grow.
      const ms = failures === 0 ? source.pollMs : Math.min(LONGEST_PAUSE_MS, 50 * 2 ** failures)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms)
        interrupt = () => {
          if (failures > 0 && !isOver()) return
          clearTimeout(timer)
          resolve()
        }
        // Aborted or woken between the check above and here cannot happen: there was no turn in between.
      })
      interrupt = () => {}
    }
  } finally {
    stopListening()
    for (const signal of signals) signal.removeEventListener('abort', onAbort)
  }
}
