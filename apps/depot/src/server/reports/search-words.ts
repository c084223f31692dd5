/** Longest search that is looked at, in words. */
const MAX_WORDS = 12

/**
 * What a person typed as a full-text query: every word must occur, the last may be unfinished, so each may. Letters and
 * digits only: nothing else means anything to the index, and some would be operators. Empty where nothing is left.
 */
export function toTextQuery(text: string): string {
  const words = text.normalize('NFC').match(/[\p{L}\p{N}]+/gu) ?? []
  return words
    .slice(0, MAX_WORDS)
    .map((word) => `${word}:*`)
    .join(' & ')
}
