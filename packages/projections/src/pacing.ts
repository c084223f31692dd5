/** How much to take at a time and how long to wait after failures. Pure. */

const SMALLEST_BATCH = 50
const FAST_MS = 250
const SLOW_MS = 1_000
/** What the events of a batch may take in memory, as JSON; rows and copies come on top. */
const MOST_BYTES = 8_000_000

/**
 * The next batch size: twice as much after a full batch that was quick, half as much after a slow one. Small batches
 * keep a lane that is at the head quick; large ones catch up. Events of which a batch would take more than some 8 MB come in smaller
 * ones, of a size that follows from those before.
 */
export function nextBatchSize(
  size: number,
  done: { events: number; ms: number; bytes?: number },
  largest: number,
): number {
  const perEvent = done.events === 0 ? 0 : (done.bytes ?? 0) / done.events
  const most = perEvent === 0 ? largest : Math.max(1, Math.min(largest, Math.floor(MOST_BYTES / perEvent)))
  const smallest = Math.min(SMALLEST_BATCH, most)
  if (done.ms > SLOW_MS) return Math.max(smallest, Math.min(most, Math.floor(size / 2)))
  if (done.ms < FAST_MS && done.events >= size) return Math.min(most, size * 2)
  return Math.min(size, most)
}

/**
 * The size after a batch that threw: on an overloaded machine, where code is broken off before it is done, a smaller one
 * may come through where this one never would. Not one event: that size is for looking for the cause, and does not grow.
 */
export function afterThrow(size: number): number {
  return Math.max(2, Math.floor(size / 2))
}

const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 2_000

/** Full jitter below an exponential ceiling, in milliseconds. `random` is in [0, 1). */
export function backOffMs(failures: number, random: number): number {
  const ceiling = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures - 1, 20))
  return Math.ceil(ceiling * (0.25 + 0.75 * random))
}

/** Every so many events of a batch are measured: measuring costs as much as reading. */
const MEASURED = 8

/** About how many bytes the data of events takes as JSON. */
export function estimateBytes(events: readonly { readonly data: unknown }[]): number {
  let measured = 0
  let bytes = 0
  for (let index = 0; index < events.length; index += MEASURED) {
    measured += 1
    bytes += JSON.stringify(events[index]?.data ?? null).length
  }
  return measured === 0 ? 0 : (bytes / measured) * events.length
}
