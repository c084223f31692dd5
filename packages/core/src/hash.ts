import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'

/**
 * The first 128 bits of SHA-256 over the parts, as 32 lower-case hex digits. Parts are length-prefixed, so
 * `('ab', 'c')` and `('a', 'bc')` differ. Synchronous and the same in browser and server: ids and command hashes are
 * derived inside pure functions, where Web Crypto's promises cannot be awaited.
 */
export function hash128(...parts: readonly string[]): string {
  const text = parts.map((part) => `${part.length}:${part}`).join('')
  return bytesToHex(sha256(toBytes(text)).subarray(0, 16))
}

/** UTF-8. Most of what is hashed is ASCII, and making an encoder for each short text costs more than hashing it. */
function toBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit > 0x7f) return utf8ToBytes(text)
    bytes[at] = unit
  }
  return bytes
}
