/** Words of a search text, folded so that case and accents do not matter. */
export function searchWords(text: string): readonly string[] {
  return fold(text).split(/\s+/).filter(Boolean)
}

/** Whether every word occurs somewhere in the texts. */
export function matchesWords(words: readonly string[], texts: readonly string[]): boolean {
  if (words.length === 0) return true
  const haystack = fold(texts.join('\n'))
  return words.every((word) => haystack.includes(word))
}

function fold(text: string): string {
  return text
    .normalize('NFD')
    .replaceAll(/\p{Diacritic}/gu, '')
    .toLowerCase()
}
