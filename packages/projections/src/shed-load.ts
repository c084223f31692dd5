/**
 * When the rows fall behind further than they may, new commands are sent away for a while: a lane that is written faster
 * than it is folded would only fall behind further, and what people see would be ever older. Pure.
 */
export interface LagLimits {
  /** Events that rows may be behind. */
  readonly events: number
  /** Age of the oldest event that is not in the rows, in seconds. */
  readonly seconds: number
}

/** How far a lane's rows were behind at a time (milliseconds of any clock that does not run backwards). */
export interface LagSample {
  readonly at: number
  readonly checkpoint: number
  readonly events: number
  readonly seconds: number
}

export interface Shedding {
  readonly sample: LagSample
  /** Since when commands are sent away; `undefined`: they are taken. */
  readonly retryAfterMs: number | undefined
}

/** Once too far behind, they are taken again at this share of the limits: not one in, one out. */
const RELIEF = 0.5
const SHORTEST_MS = 500
const LONGEST_MS = 30_000

/**
 * Sends commands away only while the lane moves: where nobody folds, or the lane is blocked, waiting would help nobody, and
 * commands are stored as ever.
 */
export function shedLoad(before: Shedding | undefined, sample: LagSample, limits: LagLimits): Shedding {
  const share = before?.retryAfterMs === undefined ? 1 : RELIEF
  const behind = sample.events > limits.events * share || sample.seconds > limits.seconds * share
  const folded = before === undefined ? 0 : sample.checkpoint - before.sample.checkpoint
  if (!behind || before === undefined || folded <= 0) return { sample, retryAfterMs: undefined }
  const perMs = folded / Math.max(1, sample.at - before.sample.at)
  // The time it takes to fold what is too much, if nothing came.
  const excess = Math.max(sample.events - limits.events * RELIEF, 0)
  return { sample, retryAfterMs: Math.round(Math.min(LONGEST_MS, Math.max(SHORTEST_MS, excess / perMs))) }
}
