/**
 * What a row may be. Keys and scopes stand in index entries, which Postgres limits to some 2,700 bytes, and in lists
 * joined by newlines; a row must fit a page.
 */
export const ROW_LIMITS = {
  /** Bytes of a key in UTF-8. */
  keyBytes: 1024,
  /** Bytes of a scope in UTF-8. */
  scopeBytes: 512,
  /** UTF-16 units of an encoded row. */
  rowLength: 524_288,
} as const

// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const UNUSABLE = /[\u0000-\u001f\u007f]|\p{Surrogate}/u

/** Why a value cannot be a row's key, `undefined` where it can. */
export function keyProblem(key: unknown): string | undefined {
  return nameProblem(key, ROW_LIMITS.keyBytes)
}

/** Why a value cannot be a scope, `undefined` where it can. */
export function scopeProblem(scope: unknown): string | undefined {
  return nameProblem(scope, ROW_LIMITS.scopeBytes)
}

/** Printable ASCII: as many bytes as characters, and nothing in it to look for. Nearly all names are. */
const PLAIN = /^[ -~]+$/

function nameProblem(name: unknown, maxBytes: number): string | undefined {
  if (typeof name !== 'string') return `it is ${name === null ? 'null' : `a ${typeof name}`}, not a string.`
  if (name.length <= maxBytes && PLAIN.test(name)) return undefined
  if (name === '') return 'it is empty.'
  if (name.length > maxBytes || Buffer.byteLength(name) > maxBytes) return `it is longer than ${maxBytes} bytes.`
  if (UNUSABLE.test(name)) return 'it holds a control character or half of a surrogate pair.'
  return undefined
}
