/**
 * Sends a lane's appends to several streams, one at a time: such calls are rare, and a second in flight would only wait on
 * the lane's lock.
 */
import type { AtomicAppendAnswer } from '@tidemark/core'
import { toCommandResult } from './batch.ts'
import type { Driver } from './driver.ts'
import type { EncodedAtomic } from './encode-atomic.ts'
import { DatabaseError } from './errors.ts'
import { appendAtomically, type AtomicRow } from './statements/append-atomically.ts'
import { STREAM_CLOSED, successorOf } from './statements/successor-of.ts'

export interface AtomicWriterOptions {
  readonly lane: number
  readonly sql: Driver
  /** How long a call is repeated while the database cannot be asked. */
  readonly giveUpAfterMs: number
  readonly onWritten: (lane: number) => void
  /** Aborted when the store is closed: what waits is answered `unavailable`. */
  readonly stopped: AbortSignal
}

/** Most calls of a lane that wait. */
const MAX_WAITING = 256
const RETRY_AFTER_MS = 1_000
const FIRST_PAUSE_MS = 25
const LONGEST_PAUSE_MS = 500

export class AtomicWriter {
  readonly #options: AtomicWriterOptions
  #waiting = 0
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: AtomicWriterOptions) {
    this.#options = options
  }

  append(encoded: EncodedAtomic): Promise<AtomicAppendAnswer> {
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

  async #perform(encoded: EncodedAtomic): Promise<AtomicAppendAnswer> {
    const { lane, sql, stopped, giveUpAfterMs } = this.#options
    const giveUpAt = performance.now() + giveUpAfterMs
    for (let attempt = 1; ; attempt++) {
      if (stopped.aborted) return unavailable('The store is closed.')
      try {
        const answer = toAtomicAnswer(lane, await appendAtomically(sql, { lane, atomic: encoded }))
        if (answer.kind === 'appended') this.#options.onWritten(lane)
        return answer
      } catch (error) {
        if (!(error instanceof DatabaseError)) throw error
        const answer = await this.#afterFailure(encoded, error)
        if (answer !== undefined) return answer
        const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt) * (0.5 + Math.random() / 2)
        if (performance.now() + pauseMs > giveUpAt) return unavailable(`${error.code}: ${error.message}`)
        await new Promise((resolve) => setTimeout(resolve, pauseMs))
      }
    }
  }

  /** The answer that a failed call leads to; `undefined`: ask again. */
  async #afterFailure(encoded: EncodedAtomic, error: DatabaseError): Promise<AtomicAppendAnswer | undefined> {
    if (error.kind === 'rejected') {
      if (error.code === STREAM_CLOSED) {
        for (const { tenant, stream, ids } of encoded.parts) {
          const successor = ids.length === 0 ? undefined : await successorOf(this.#options.sql, { tenant, stream })
          if (successor !== undefined) return { kind: 'stream-closed', stream, successor }
        }
        throw error
      }
      // Data that Postgres cannot store although the codec let it pass: classes 22 (data) and 54 (limits).
      if (/^(22|54)/.test(error.code)) return { kind: 'invalid', issues: [{ path: '', code: 'not_json' }] }
      // A unique index that the lock should have kept us from: a writer in another lane. The look-up will see it.
      if (error.code !== '23505') throw error
    }
    // It may have been committed; only a command id makes it safe to send it again.
    const isUnsafe = error.kind === 'unknown' && encoded.command === null
    return isUnsafe ? unavailable(`${error.code}: ${error.message}`) : undefined
  }
}

function unavailable(cause: string): AtomicAppendAnswer {
  return { kind: 'unavailable', retryAfterMs: RETRY_AFTER_MS, cause }
}

function toAtomicAnswer(lane: number, row: AtomicRow): AtomicAppendAnswer {
  const versions = (row.versions ?? '').split(',').map(Number)
  switch (row.kind) {
    case 'appended':
      return { kind: 'appended', versions, lane, position: row.position ?? 0 }
    case 'checked':
      return { kind: 'checked', versions }
    case 'conflict':
      return { kind: 'conflict', stream: row.stream ?? '', current: row.version ?? 0 }
    case 'duplicate':
      if (row.result === null) throw new Error('tidemark.append_atomically left out the result of a known command.')
      return { kind: 'duplicate', result: toCommandResult(row.result) }
    case 'command-reused':
      return { kind: 'command-reused' }
  }
}
