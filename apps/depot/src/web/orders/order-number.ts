import { parseStreamId, type StreamId } from '@tidemark/core'

// Crockford's alphabet: no letter that is read as a digit.
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const LENGTH = 6

/**
 * A number for an order made on this device, with or without a network: the last 30 bits of its random stream id, so
 * that two devices do not give the same one.
 */
export function orderNumber(stream: StreamId): string {
  const hex = (parseStreamId(stream)?.key ?? '').replaceAll('-', '').slice(-8)
  let bits = parseInt(hex, 16) % 2 ** (5 * LENGTH)
  let text = ''
  for (let i = 0; i < LENGTH; i++) {
    text = (ALPHABET[bits % 32] ?? '0') + text
    bits = Math.floor(bits / 32)
  }
  return `D-${text}`
}
