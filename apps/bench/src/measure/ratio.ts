/** A ratio of two things measured side by side, again and again. */
export interface Ratio {
  /** Median over the pairs. */
  readonly median: number
  readonly min: number
  readonly max: number
  /** Bootstrap interval of the median: 95 % of the resampled medians lie in it. */
  readonly low: number
  readonly high: number
  readonly pairs: number
}

export function medianOf(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const upper = sorted[Math.floor(middle)]
  const lower = sorted[Math.ceil(middle) - 1]
  if (upper === undefined || lower === undefined) throw new Error('A median of no samples was asked for.')
  return (upper + lower) / 2
}

const RESAMPLES = 2_000

/** One entry per pair, each the quotient of two neighbours in time: what drifts on the machine drifts on both. */
export function ratioOf(quotients: readonly number[]): Ratio {
  const random = seeded(quotients.length)
  const medians = Array.from({ length: RESAMPLES }, () =>
    medianOf(quotients.map(() => quotients[Math.floor(random() * quotients.length)] as number)),
  ).sort((a, b) => a - b)
  return {
    median: round3(medianOf(quotients)),
    min: round3(Math.min(...quotients)),
    max: round3(Math.max(...quotients)),
    low: round3(medians[Math.floor(RESAMPLES * 0.025)] as number),
    high: round3(medians[Math.ceil(RESAMPLES * 0.975) - 1] as number),
    pairs: quotients.length,
  }
}

export function round3(value: number): number {
  return Math.round(value * 1_000) / 1_000
}

/** The same samples always give the same interval (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
