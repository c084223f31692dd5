/** How much to take at a time and how long to wait after failures. Pure. */

const SMALLEST_BATCH = 50
const FAST_MS = 250
const SLOW_MS = 1_000

/**
 * The next batch size: twice as much after a full batch that was quick, half as much after a slow one. Small batches
 * keep a lane that is at the head quick; large ones catch up.
 */
export function nextBatchSize(size: number, done: { events: number; ms: number }, largest: number): number {
  const smallest = Math.min(SMALLEST_BATCH, largest)
  if (done.ms > SLOW_MS) return Math.max(smallest, Math.floor(size / 2))
  if (done.ms < FAST_MS && done.events >= size) return Math.min(largest, size * 2)
  return Math.min(size, largest)
}

const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 2_000

/** Full jitter below an exponential ceiling, in milliseconds. `random` is in [0, 1). */
export function backOffMs(failures: number, random: number): number {
  const ceiling = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures - 1, 20))
  return Math.ceil(ceiling * (0.25 + 0.75 * random))
}
