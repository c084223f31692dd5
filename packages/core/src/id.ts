import { hash128 } from './hash.ts'

/** A UUID in its canonical text form. New ids are version 7: time-ordered, which keeps Postgres indexes dense. */
export type Uuid = string

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

export function isUuid(text: string): boolean {
  return UUID.test(text)
}

/** What an id generator needs from the platform. */
export interface IdSource {
  /** Milliseconds since 1970. Ids are never ordered by it; it only keeps neighbours in time near each other. */
  readonly now: () => number
  /** Fills the array with random bytes: `crypto.getRandomValues`. */
  readonly random: (bytes: Uint8Array<ArrayBuffer>) => void
}

const POOL_BYTES = 4096
const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/**
 * A generator of UUIDv7 (RFC 9562). 74 random bits each, drawn from a pool: asking the platform for randomness once
 * per id took a third of the append path's time (measured in `append-prototype`).
 */
export function createIdGenerator(source: IdSource): () => Uuid {
  const pool = new Uint8Array(POOL_BYTES)
  let used = POOL_BYTES
  let lastMs = -1
  let prefix = ''
  const byte = (): number => pool[used++] as number
  return () => {
    if (used + 10 > POOL_BYTES) {
      source.random(pool)
      used = 0
    }
    const ms = source.now()
    if (ms !== lastMs) {
      lastMs = ms
      const hex = Math.max(0, Math.floor(ms)).toString(16).padStart(12, '0').slice(-12)
      prefix = `${hex.slice(0, 8)}-${hex.slice(8)}-7`
    }
    const h = HEX
    return (
      prefix +
      (h[byte()] as string).slice(1) +
      h[byte()] +
      '-' +
      h[(byte() & 0x3f) | 0x80] +
      h[byte()] +
      '-' +
      h[byte()] +
      h[byte()] +
      h[byte()] +
      h[byte()] +
      h[byte()] +
      h[byte()]
    )
  }
}

/**
 * An id that follows from what it is derived from, so that browser and server give the same event the same id. It is
 * a UUIDv8 that keeps the time prefix of `base` (a v7 id), so derived ids are as time-ordered as their base.
 */
export function deriveId(base: Uuid, ...parts: readonly string[]): Uuid {
  const digest = hash128(base, ...parts)
  const variant = ((parseInt(digest.slice(3, 4), 16) & 0x3) | 0x8).toString(16)
  return `${base.slice(0, 13)}-8${digest.slice(0, 3)}-${variant}${digest.slice(4, 7)}-${digest.slice(7, 19)}`
}

/** A stream's id: `<aggregate>/<key>`. The key is usually a UUID; natural keys such as a stock code work as well. */
export type StreamId = string

const STREAM_KEY = /^[A-Za-z0-9][A-Za-z0-9._~:@-]{0,127}$/

/** Longest stream id that is accepted anywhere. */
export const MAX_STREAM_ID_LENGTH = 200

export function isStreamKey(key: string): boolean {
  return STREAM_KEY.test(key)
}

/** Splits a stream id; `undefined` where it is not one. */
export function parseStreamId(stream: StreamId): { readonly aggregate: string; readonly key: string } | undefined {
  const slash = stream.indexOf('/')
  if (slash <= 0 || stream.length > MAX_STREAM_ID_LENGTH) return undefined
  const key = stream.slice(slash + 1)
  return isStreamKey(key) ? { aggregate: stream.slice(0, slash), key } : undefined
}
