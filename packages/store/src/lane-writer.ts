/**
 * The I/O around a lane's queue: sends its batches, retries what may be retried, and answers the callers.
 */
import type { AppendAnswer, EncodedAppend, EncodedSettle, SettleAnswer } from '@tidemark/core'
import { toAnswerRows, toAppendAnswer, toSettleAnswer, type AnswerRow } from './batch.ts'
import type { Driver } from './driver.ts'
import { DatabaseError } from './errors.ts'
import { answerHeld } from './held-command.ts'
import { LaneQueue, type LaneQueueLimits, type Queued } from './lane-queue.ts'
import { appendEvent } from './statements/append-event.ts'
import { appendEvents } from './statements/append-events.ts'
import { settleBatch } from './statements/settle-batch.ts'

export interface LaneWriterOptions {
  readonly lane: number
  readonly sql: Driver
  readonly limits: LaneQueueLimits
  /** How long a call is repeated while the database cannot be asked. */
  readonly giveUpAfterMs: number
  /** Called after each call that wrote something. */
  readonly onWritten: (lane: number) => void
}

interface Job extends Queued {
  readonly encoded: EncodedAppend | EncodedSettle
  readonly answer: (row: AnswerRow) => AppendAnswer | SettleAnswer
  readonly resolve: (answer: AppendAnswer | SettleAnswer) => void
  readonly reject: (error: unknown) => void
}

/** How long an unavailable database is best left alone. */
const RETRY_AFTER_MS = 1_000
const FIRST_PAUSE_MS = 25
const LONGEST_PAUSE_MS = 1_000

export class LaneWriter {
  readonly #options: LaneWriterOptions
  readonly #queue: LaneQueue<Job>
  #scheduled = false
  #closed = false
  /** Moving average of a call's duration, for the hint of an overloaded queue. */
  #callMs = 5
  readonly #closing = new AbortController()
  #whenIdle: (() => void) | undefined
  // Made once: hundreds of jobs wait at a time, and each would have its own.
  readonly #toAppendAnswer = (row: AnswerRow): AppendAnswer => toAppendAnswer(this.#options.lane, row)
  readonly #toSettleAnswer = (row: AnswerRow): SettleAnswer => toSettleAnswer(this.#options.lane, row)

  constructor(options: LaneWriterOptions) {
    this.#options = options
    this.#queue = new LaneQueue(options.limits)
  }

  append(encoded: EncodedAppend): Promise<AppendAnswer> {
    return this.#submit(encoded, this.#toAppendAnswer) as Promise<AppendAnswer>
  }

  settle(encoded: EncodedSettle): Promise<SettleAnswer> {
    return this.#submit(encoded, this.#toSettleAnswer) as Promise<SettleAnswer>
  }

  /** Answers what waits with `unavailable`, then waits for the calls in flight. */
  async close(): Promise<void> {
    this.#closed = true
    this.#closing.abort()
    for (const job of this.#queue.drain()) job.resolve(CLOSED)
    if (this.#queue.inFlight === 0) return
    await new Promise<void>((resolve) => {
      this.#whenIdle = resolve
    })
  }

  #submit(encoded: EncodedAppend | EncodedSettle, answer: Job['answer']): Promise<AppendAnswer | SettleAnswer> {
    if (this.#closed) return Promise.resolve(CLOSED)
    if (this.#queue.isFull(encoded.bytes)) {
      const calls = Math.ceil(this.#queue.waiting / this.#options.limits.maxBatch)
      const retryAfterMs = Math.min(5_000, Math.max(50, Math.ceil(calls * this.#callMs)))
      return Promise.resolve({ kind: 'overloaded', retryAfterMs })
    }
    return new Promise((resolve, reject) => {
      const { tenant, stream, principal, command } = encoded
      this.#queue.push({
        kind: encoded.kind,
        streamKey: `${tenant}\n${stream}`,
        commandKey: command === null ? null : `${tenant}\n${principal}\n${command.id}`,
        bytes: encoded.bytes,
        encoded,
        answer,
        resolve,
        reject,
      })
      this.#schedule()
    })
  }

  /** After the current turn, so that all who call in it share a batch. */
  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      for (let batch = this.#queue.take(); batch !== undefined; batch = this.#queue.take()) void this.#send(batch)
    })
  }

  async #send(batch: readonly Job[]): Promise<void> {
    try {
      await this.#perform(batch)
    } catch (error) {
      // A bug: the callers are told, those that were answered already do not notice.
      for (const job of batch) {
        for (const held of this.#queue.takeHeld(job)) held.reject(error)
        job.reject(error)
      }
    }
    this.#queue.release(batch)
    if (this.#queue.inFlight === 0) this.#whenIdle?.()
    if (!this.#closed) this.#schedule()
  }

  /** Answers every job, however long that takes; throws only for bugs. */
  async #perform(batch: readonly Job[]): Promise<void> {
    const giveUpAt = performance.now() + this.#options.giveUpAfterMs
    let jobs = batch
    for (let attempt = 1; jobs.length > 0; attempt++) {
      const startedAt = performance.now()
      let error: DatabaseError
      try {
        const rows = await this.#call(jobs)
        this.#callMs += (performance.now() - startedAt - this.#callMs) / 8
        this.#deliver(jobs, rows)
        return
      } catch (caught) {
        if (!(caught instanceof DatabaseError)) throw caught
        error = caught
      }
      if (error.kind === 'rejected') {
        if (jobs.length > 1) {
          // One of them is at fault; alone, each gets its own answer.
          for (const job of jobs) await this.#perform([job])
          return
        }
        if (isDataError(error)) {
          this.#finishAll(jobs, { kind: 'invalid', issues: [{ path: '', code: 'not_json' }] })
          return
        }
        // A unique index that the lock should have kept us from: a writer in another lane. The lookup will see it.
        if (error.code !== '23505') throw error
      }
      if (error.kind === 'unknown') {
        // It may have been committed; only a command id makes it safe to send it again.
        const unsafe = jobs.filter((job) => job.encoded.command === null)
        this.#finishAll(unsafe, unavailable(error))
        jobs = jobs.filter((job) => job.encoded.command !== null)
      }
      const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt) * (0.5 + Math.random() / 2)
      if (this.#closed || performance.now() + pauseMs > giveUpAt) {
        this.#finishAll(jobs, unavailable(error))
        return
      }
      await pause(pauseMs, this.#closing.signal)
    }
  }

  async #call(jobs: readonly Job[]): Promise<readonly AnswerRow[]> {
    const { sql, lane } = this.#options
    const encoded = jobs.map((job) => job.encoded)
    const appends = encoded.filter((entry) => entry.kind === 'append')
    if (appends.length === 0) {
      return settleBatch(sql, { lane, settles: encoded.filter((entry) => entry.kind === 'settle') })
    }
    const [only, ...more] = appends
    if (only?.ids.length === 1 && more.length === 0) return [await appendEvent(sql, { lane, append: only })]
    return toAnswerRows(await appendEvents(sql, { lane, appends }), appends)
  }

  #deliver(jobs: readonly Job[], rows: readonly AnswerRow[]): void {
    let written = false
    for (const [index, job] of jobs.entries()) {
      const row = rows[index]
      if (row === undefined) throw new Error('The database answered fewer entries than it was asked.')
      written ||= row.kind === 'appended' || row.kind === 'settled'
      this.#finish(job, job.answer(row))
    }
    if (written) this.#options.onWritten(this.#options.lane)
  }

  #finishAll(jobs: readonly Job[], answer: AppendAnswer & SettleAnswer): void {
    for (const job of jobs) this.#finish(job, answer)
  }

  #finish(job: Job, answer: AppendAnswer | SettleAnswer): void {
    job.resolve(answer)
    for (const held of this.#queue.takeHeld(job)) {
      const { command } = held.encoded
      const shared = command === null ? 'ask' : answerHeld(job.encoded, answer, command)
      if (shared !== 'ask') held.resolve(shared)
      else if (this.#closed) held.resolve(CLOSED)
      else this.#queue.push(held)
    }
  }
}

const CLOSED = { kind: 'unavailable', retryAfterMs: RETRY_AFTER_MS, cause: 'The store is closed.' } as const

function unavailable(error: DatabaseError): AppendAnswer & SettleAnswer {
  return { kind: 'unavailable', retryAfterMs: RETRY_AFTER_MS, cause: `${error.code}: ${error.message}` }
}

/** Data that Postgres cannot store although the codec let it pass: classes 22 (data) and 54 (limits). */
function isDataError(error: DatabaseError): boolean {
  return error.code.startsWith('22') || error.code.startsWith('54')
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
