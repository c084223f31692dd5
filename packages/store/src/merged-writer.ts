/**
 * Sends a lane's merged appends, one at a time: each is a batch already, and a second call in flight would only wait on the
 * lane's lock. Repeating one is always safe, since all its members have command ids.
 */
import type { AppendAnswer, KnownMember, MergedAppendAnswer } from '@tidemark/core'
import { toCommandResult } from './batch.ts'
import type { Driver } from './driver.ts'
import type { EncodedMerged } from './encode-merged.ts'
import { DatabaseError } from './errors.ts'
import { appendMerged, type KnownRow, type MergedRow } from './statements/append-merged.ts'
import { STREAM_CLOSED, successorOf } from './statements/successor-of.ts'

export interface MergedWriterOptions {
  readonly lane: number
  readonly sql: Driver
  /** How long a call is repeated while the database cannot be asked. */
  readonly giveUpAfterMs: number
  readonly onWritten: (lane: number) => void
  /** Aborted when the store is closed: what waits is answered `unavailable`. */
  readonly stopped: AbortSignal
}

/** Most merged appends of a lane that wait. */
const MAX_WAITING = 256
const RETRY_AFTER_MS = 1_000
const FIRST_PAUSE_MS = 25
const LONGEST_PAUSE_MS = 1_000

export class MergedWriter {
  readonly #options: MergedWriterOptions
  #waiting = 0
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: MergedWriterOptions) {
    this.#options = options
  }

  append(encoded: EncodedMerged): Promise<MergedAppendAnswer> {
    if (this.#waiting >= MAX_WAITING) return Promise.resolve({ kind: 'overloaded', retryAfterMs: RETRY_AFTER_MS })
    this.#waiting++
    const answer = this.#last.then(() => this.#perform(encoded)).finally(() => this.#waiting--)
    // A bug in one call is its caller's to see; the next call goes on.
    this.#last = answer.catch(() => undefined)
    return answer
  }

  /** Resolves when no call is in flight any more. */
  async close(): Promise<void> {
    await this.#last
  }

  async #perform(encoded: EncodedMerged): Promise<MergedAppendAnswer> {
    const { lane, sql, stopped, giveUpAfterMs } = this.#options
    const giveUpAt = performance.now() + giveUpAfterMs
    for (let attempt = 1; ; attempt++) {
      if (stopped.aborted) return { kind: 'unavailable', retryAfterMs: RETRY_AFTER_MS, cause: 'The store is closed.' }
      try {
        const answer = toMergedAnswer(lane, await appendMerged(sql, { lane, merged: encoded }))
        if (answer.kind === 'appended') this.#options.onWritten(lane)
        return answer
      } catch (error) {
        if (!(error instanceof DatabaseError)) throw error
        if (error.kind === 'rejected') {
          if (error.code === STREAM_CLOSED) {
            const successor = await successorOf(sql, encoded.append)
            if (successor === undefined) throw error
            return { kind: 'stream-closed', successor }
          }
          // Data that Postgres cannot store although the codec let it pass: classes 22 (data) and 54 (limits).
          if (/^(22|54)/.test(error.code)) return { kind: 'invalid', issues: [{ path: '', code: 'not_json' }] }
          // A unique index that the lock should have kept us from: a writer in another lane. The look-up will see it.
          if (error.code !== '23505') throw error
        }
        const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt) * (0.5 + Math.random() / 2)
        if (performance.now() + pauseMs > giveUpAt) {
          return { kind: 'unavailable', retryAfterMs: RETRY_AFTER_MS, cause: `${error.code}: ${error.message}` }
        }
        await pause(pauseMs, stopped)
      }
    }
  }
}

function toMergedAnswer(lane: number, row: MergedRow): MergedAppendAnswer {
  switch (row.kind) {
    case 'appended':
      return { kind: 'appended', version: row.version ?? 0, lane, position: row.position ?? 0 }
    case 'conflict':
      return { kind: 'conflict', current: row.version ?? 0 }
    case 'known-members':
      return { kind: 'known-members', known: (row.known ?? []).map(toKnownMember) }
  }
}

function toKnownMember({ index, kind, result }: KnownRow): KnownMember {
  const answer: Extract<AppendAnswer, { kind: 'duplicate' | 'command-reused' }> =
    kind === 'duplicate' ? { kind, result: toCommandResult(result) } : { kind }
  return { index, answer }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
