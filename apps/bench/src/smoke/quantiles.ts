export interface Quantiles {
  readonly p50: number
  readonly p95: number
}

/** Nearest rank: a value that was really measured. `share` from 0 to 1. */
export function quantileOf(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b)
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]
  if (value === undefined) throw new Error('A quantile of no samples was asked for.')
  return value
}

export function quantilesOf(samples: readonly number[]): Quantiles {
  return { p50: round(quantileOf(samples, 0.5)), p95: round(quantileOf(samples, 0.95)) }
}

/** Two decimals: what the clocks of a browser can tell. */
export function round(value: number): number {
  return Math.round(value * 100) / 100
}
