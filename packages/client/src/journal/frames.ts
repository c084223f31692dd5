/**
 * A file of frames that is only ever appended to: a mark, the payload's length and checksum, and the payload. What a
 * crash or a failing disk did to one frame is noticed, and reading goes on behind it. Pure.
 */

/** "TDM1": where a frame may begin, for finding the next one behind damage. */
const MAGIC = [0x54, 0x44, 0x4d, 0x31] as const
const HEADER = 12
/** Longer than any frame that is written; a damaged length is told by it before it is believed. */
const MAX_PAYLOAD = 64 * 1_048_576

export interface FramesRead {
  readonly payloads: readonly Uint8Array[]
  /** Stretches between readable frames, or behind the last one, that are no frame. */
  readonly damaged: number
  /** The file ends inside a frame: it was being written when the tab died, and nobody was told that it is kept. */
  readonly torn: boolean
}

export function encodeFrame(payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(HEADER + payload.length)
  const view = new DataView(frame.buffer)
  frame.set(MAGIC)
  view.setUint32(4, payload.length, true)
  view.setUint32(8, checksum(payload), true)
  frame.set(payload, HEADER)
  return frame
}

export function decodeFrames(bytes: Uint8Array): FramesRead {
  const payloads: Uint8Array[] = []
  let damaged = 0
  let inDamage = false
  let torn = false
  let at = 0
  while (at < bytes.length) {
    const payload = frameAt(bytes, at)
    if (payload instanceof Uint8Array) {
      payloads.push(payload)
      at += HEADER + payload.length
      inDamage = false
      continue
    }
    if (!inDamage) {
      inDamage = true
      torn = payload === 'cut'
      if (!torn) damaged += 1
    }
    at = nextMagic(bytes, at + 1)
  }
  // A cut inside the file is no torn end: something readable follows it, so the length itself was damaged.
  if (torn && !inDamage) return { payloads, damaged: damaged + 1, torn: false }
  return { payloads, damaged, torn }
}

/** The payload of the frame at this place; `cut` where the bytes end inside it, `none` where there is none. */
function frameAt(bytes: Uint8Array, at: number): Uint8Array | 'cut' | 'none' {
  const isMagic = MAGIC.every((byte, index) => at + index >= bytes.length || bytes[at + index] === byte)
  if (!isMagic) return 'none'
  if (at + HEADER > bytes.length) return 'cut'
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, HEADER)
  const length = view.getUint32(4, true)
  if (length > MAX_PAYLOAD) return 'none'
  const end = at + HEADER + length
  if (end > bytes.length) return 'cut'
  const payload = bytes.subarray(at + HEADER, end)
  return checksum(payload) === view.getUint32(8, true) ? payload : 'none'
}

function nextMagic(bytes: Uint8Array, from: number): number {
  for (let at = from; at < bytes.length; at++) {
    if (bytes[at] === MAGIC[0] && frameAt(bytes, at) instanceof Uint8Array) return at
  }
  return bytes.length
}

let table: Uint32Array | undefined

/** CRC-32 (IEEE 802.3), as in zip and png. */
function checksum(bytes: Uint8Array): number {
  table ??= Uint32Array.from({ length: 256 }, (_, value) => {
    let remainder = value
    for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1
    return remainder
  })
  let crc = 0xffffffff
  for (const byte of bytes) crc = (crc >>> 8) ^ (table[(crc ^ byte) & 0xff] as number)
  return (crc ^ 0xffffffff) >>> 0
}
