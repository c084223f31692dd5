/**
 * Sends a lane's calls of one kind, one at a time: for calls that are rare, or are batches already, a second one in flight
 * would only wait on the lane's lock. What becomes of a failed call is decided here, once for all kinds.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Driver } from './driver.ts'
import { DatabaseError } from './errors.ts'

export interface SerialWriterOptions {
  /** How long a call is repeated while the database cannot be asked. */
  readonly giveUpAfterMs: number
  /** Aborted when the store is closed: what waits is answered `unavailable`. */
  readonly stopped: AbortSignal
}

/** What the writer of one kind of call in a lane is made of. */
export interface LaneCalls extends SerialWriterOptions {
  readonly lane: number
  readonly sql: Driver
  readonly onWritten: (lane: number) => void
}

/** What every kind of call may be answered with besides its own answers. */
export type SerialFailure =
  | { readonly kind: 'overloaded'; readonly retryAfterMs: number }
  | { readonly kind: 'unavailable'; readonly retryAfterMs: number; readonly cause: string }
  | { readonly kind: 'invalid'; readonly issues: readonly { readonly path: string; readonly code: 'not_json' }[] }

export interface SerialCall<Request, Answer> {
  /** Makes the call once. */
  send(request: Request): Promise<Answer>
  /** The answer that a refusal by the database stands for, where it is one of the call's own. */
  refused(request: Request, error: DatabaseError): Promise<Answer | undefined>
  /** Whether sending it again is safe when it may have been committed: only command ids make it so. */
  isRepeatable(request: Request): boolean
}

/** Most calls of a lane that wait. */
const MAX_WAITING = 256
const RETRY_AFTER_MS = 1_000
const FIRST_PAUSE_MS = 25
const LONGEST_PAUSE_MS = 500

export class SerialWriter<Request, Answer> {
  readonly #call: SerialCall<Request, Answer>
  readonly #options: SerialWriterOptions
  #waiting = 0
  #last: Promise<unknown> = Promise.resolve()

  constructor(call: SerialCall<Request, Answer>, options: SerialWriterOptions) {
    this.#call = call
    this.#options = options
  }

  append(request: Request): Promise<Answer | SerialFailure> {
    if (this.#waiting >= MAX_WAITING) return Promise.resolve({ kind: 'overloaded', retryAfterMs: RETRY_AFTER_MS })
    this.#waiting++
    const answer = this.#last.then(() => this.#perform(request)).finally(() => this.#waiting--)
    // A bug in one call is its caller's to see; the next call goes on.
    this.#last = answer.catch(() => undefined)
    return answer
  }

  /** Resolves when no call is in flight any more. */
  async close(): Promise<void> {
    await this.#last
  }

  async #perform(request: Request): Promise<Answer | SerialFailure> {
    const { stopped, giveUpAfterMs } = this.#options
    const giveUpAt = performance.now() + giveUpAfterMs
    for (let attempt = 1; ; attempt++) {
      if (stopped.aborted) return unavailable('The store is closed.')
      try {
        return await this.#call.send(request)
      } catch (error) {
        if (!(error instanceof DatabaseError)) throw error
        const answer = await this.#afterFailure(request, error)
        if (answer !== undefined) return answer
        const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt) * (0.5 + Math.random() / 2)
        if (performance.now() + pauseMs > giveUpAt) return unavailable(`${error.code}: ${error.message}`)
        // Cut short when the store closes; the loop sees it.
        await wait(pauseMs, undefined, { signal: stopped }).catch(() => undefined)
      }
    }
  }

  /** The answer that a failed call leads to; `undefined`: ask again. */
  async #afterFailure(request: Request, error: DatabaseError): Promise<Answer | SerialFailure | undefined> {
    if (error.kind === 'rejected') {
      const own = await this.#call.refused(request, error)
      if (own !== undefined) return own
      // Data that Postgres cannot store although the codec let it pass: classes 22 (data) and 54 (limits).
      if (/^(22|54)/.test(error.code)) return { kind: 'invalid', issues: [{ path: '', code: 'not_json' }] }
      // A unique index that the lock should have kept us from: a writer in another lane. The look-up will see it.
      if (error.code !== '23505') throw error
    }
    const isUnsafe = error.kind === 'unknown' && !this.#call.isRepeatable(request)
    return isUnsafe ? unavailable(`${error.code}: ${error.message}`) : undefined
  }
}

function unavailable(cause: string): SerialFailure {
  return { kind: 'unavailable', retryAfterMs: RETRY_AFTER_MS, cause }
}
