import { sha256 } from './sha-256.ts'

/**
 * The first 128 bits of SHA-256 over the parts, as 32 lower-case hex digits. Parts are length-prefixed, so
 * `('ab', 'c')` and `('a', 'bc')` differ. Synchronous and the same in browser and server: ids and command hashes are
 * derived inside pure functions, where Web Crypto's promises cannot be awaited.
 */
export function hash128(...parts: readonly string[]): string {
  const text = parts.map((part) => `${part.length}:${part}`).join('')
  let hex = ''
  for (const word of sha256(text).subarray(0, 4)) hex += (word >>> 0).toString(16).padStart(8, '0')
  return hex
}
