export interface Bar {
  /** Shares of the whole height, 0 to 1, from the top. */
  readonly top: number
  readonly height: number
  readonly isNegative: boolean
}

/** Bars over and under one base line, which is at `base` from the top. Values that are all zero lie on the bottom. */
export function toBars(values: readonly number[]): { readonly base: number; readonly bars: readonly Bar[] } {
  const most = Math.max(0, ...values)
  const least = Math.min(0, ...values)
  const span = most - least
  const base = span === 0 ? 1 : most / span
  const bars = values.map((value) => {
    const height = span === 0 ? 0 : Math.abs(value) / span
    return { top: value < 0 ? base : base - height, height, isNegative: value < 0 }
  })
  return { base, bars }
}
