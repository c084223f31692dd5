/**
 * How much of its time a build may spend, so that the live work keeps its pace. Pure. The measure is how long the shortest
 * question to the database takes: it waits for the same processor, the same disk and the same event loop as an append.
 */
export interface BuildPace {
  /** Of 1: a build that worked for a second rests for `1 / share - 1` seconds. */
  readonly share: number
  /** What the question takes when nothing else is going on, in milliseconds. */
  readonly quietMs: number | undefined
}

export const FULL_PACE: BuildPace = { share: 1, quietMs: undefined }

/** Others may be busy for ever: a build comes to its end all the same. */
const SMALLEST_SHARE = 0.2
/** Slower than this much of its quiet time, and by more than a whole millisecond, and others are waiting. */
const BUSY = 3
const BUSY_MS = 1
/** What was quiet once need not be for ever: the bar rises by so much with every question. */
const DRIFT = 1.03
/** Down quickly, up slowly. */
const BACK_OFF = 0.6
const STEP_UP = 0.05
const LONGEST_REST_MS = 500

/** After a question that took `probeMs`. `most`: the share that was asked for. */
export function nextPace(pace: BuildPace, probeMs: number, most: number): BuildPace {
  const quietMs = Math.min(probeMs, (pace.quietMs ?? probeMs) * DRIFT)
  const busy = probeMs > quietMs * BUSY && probeMs > quietMs + BUSY_MS
  const share = busy ? pace.share * BACK_OFF : pace.share + STEP_UP
  return { share: Math.min(most, Math.max(Math.min(SMALLEST_SHARE, most), share)), quietMs }
}

/** Milliseconds to rest after having worked for so long. */
export function restMs({ share }: BuildPace, workedMs: number): number {
  return Math.min(LONGEST_REST_MS, workedMs * (1 / share - 1))
}
