/**
 * How many keys a portion of a copy takes, so that it is neither a statement that others wait for nor one of many. Pure.
 * It follows from the portion before, as rows of one projection are alike.
 */
export const FIRST_PORTION = 100

/** Characters. */
const MOST_LENGTH = 1_000_000

export function nextPortion(last: { readonly keys: number; readonly length: number }, most: number): number {
  if (last.keys === 0 || last.length === 0) return Math.min(FIRST_PORTION, most)
  return Math.max(1, Math.min(most, Math.floor((MOST_LENGTH * last.keys) / last.length)))
}
