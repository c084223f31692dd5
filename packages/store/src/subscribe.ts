/**
 * Catch-up and live are one loop: read from the position, hand over, and when nothing is there wait for a hint or the
 * polling interval. Nothing is read before the consumer asks.
 */
import {
  PAGE_DEFAULTS,
  type AbortSignalLike,
  type LanePage,
  type LaneRead,
  type StoredEvent,
  type SubscribeOptions,
  type TypeSubscription,
} from '@tidemark/core'
import { isTransient } from './errors.ts'
import { scanLane } from './scan-lane.ts'
import type { Wakes } from './wakes.ts'

export interface SubscribeSource {
  readonly readLane: (read: LaneRead) => Promise<readonly StoredEvent[]>
  readonly head: (lane: number) => Promise<number>
  readonly wakes: Wakes
  /** Longest wait when no hint comes. */
  readonly pollMs: number
  /** Ends every subscription. */
  readonly stopped: AbortSignalLike
}

const LONGEST_PAUSE_MS = 2_000

export async function* subscribeLane(
  source: SubscribeSource,
  options: SubscribeOptions,
): AsyncGenerator<readonly StoredEvent[], void, void> {
  const { lane, batch: limit = PAGE_DEFAULTS.limit } = options
  for await (const { events } of follow(source, options, async (after) => {
    const events = await source.readLane({ lane, after, limit })
    return { events, upTo: events.at(-1)?.position ?? after }
  })) {
    yield events
  }
}

/** Window by window, so that a rare type neither makes one call scan for ever nor holds the checkpoint back. */
export function subscribeToTypes(source: SubscribeSource, options: TypeSubscription): AsyncGenerator<LanePage> {
  const { lane, types, batch: limit = PAGE_DEFAULTS.limit, window = PAGE_DEFAULTS.window } = options
  return follow(source, options, (after) => scanLane(source, { lane, after, types, limit, window }))
}

/** Pages from `after` on, for ever. A page that got no further says that there is nothing new, and is not handed over. */
async function* follow(
  source: SubscribeSource,
  options: SubscribeOptions,
  readPage: (after: number) => Promise<LanePage>,
): AsyncGenerator<LanePage, void, void> {
  const { lane } = options
  const signals = [options.signal, source.stopped]
  const isOver = (): boolean => signals.some((signal) => signal.aborted)
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
      let page: LanePage | undefined
      try {
        page = await readPage(after)
        failures = 0
      } catch (error) {
        if (!isTransient(error)) throw error
        failures++
      }
      if (isOver()) return
      if (page !== undefined && page.upTo > after) {
        after = page.upTo
        yield page
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
