/**
 * The commands of each stream, judged one after the other and appended back to back: a command is judged on the state
 * that the commands before it lead to, while their appends are still under way, and its own append names the event
 * that it was judged behind. Where that event does not get stored, or another comes in between, the append and all
 * that follow it conflict, and they are judged again, in order, on what is there.
 *
 * Nothing is told or settled on a prediction: an answer without events waits until all it was predicted from is stored.
 */
import type { AppendAnswer, AppendRequest, PushAnswer } from '@tidemark/core'
import { errorFields } from '../logger.ts'
import { fromStore, invalid, retry } from './answers.ts'
import { judgeCommand, type Arrival, type DecideContext, type Judgement } from './judge-command.ts'
import { moveOn } from './moved-command.ts'
import type { StreamState } from './stream-state.ts'
import { keyOf, type StreamRef } from './stream-states.ts'

/** A command that has been given to its stream. */
export interface QueuedCommand {
  readonly answer: Promise<PushAnswer>
  readonly phase: 'waiting' | 'appending' | 'concluding' | 'answered'
  /** Once it is answered. */
  readonly accepted: boolean
}

export interface StreamQueues {
  /**
   * Puts the command behind those that its stream has got already.
   *
   * @param predecessor a command of the same stream, given before: unless it is accepted, the answer is `retry`.
   */
  submit(arrival: Arrival, predecessor?: QueuedCommand): QueuedCommand
}

export function createStreamQueues(context: DecideContext): StreamQueues {
  const queuesByKey = new Map<string, StreamQueue>()
  const queues: StreamQueues = {
    submit: (arrival, predecessor) => {
      const ref: StreamRef = {
        tenant: arrival.principal.tenant,
        stream: arrival.stream,
        aggregate: arrival.aggregate,
      }
      const key = keyOf(ref)
      let queue = queuesByKey.get(key)
      if (queue === undefined) {
        const hooks = { onIdle: () => queuesByKey.delete(key), forward: queues.submit }
        queue = new StreamQueue(context, ref, hooks)
        queuesByKey.set(key, queue)
      }
      return queue.submit(arrival, predecessor)
    },
  }
  return queues
}

/** Appends of one stream that are under way at a time. */
const MAX_IN_FLIGHT = 64
/** How often a command that lost the race for its stream is judged again before its author is asked to come back. */
const MAX_TRIES = 8
/** Deploys take a while; until one brings code that reads the stream, asking more often does not help. */
const UNREADABLE_RETRY_MS = 10_000

interface Job extends QueuedCommand {
  readonly arrival: Arrival
  readonly predecessor: QueuedCommand | undefined
  readonly resolve: (answer: PushAnswer) => void
  phase: QueuedCommand['phase']
  accepted: boolean
  /** Appends of this command that were the first of their chain to conflict. */
  tries: number
}

type Flight =
  | {
      readonly kind: 'append'
      readonly job: Job
      readonly answer: Promise<AppendAnswer | { readonly kind: 'threw'; readonly error: unknown }>
      readonly after: StreamState
      readonly rebased: boolean
      /** Appended at any version behind any event: it cannot conflict. */
      readonly free: boolean
    }
  | { readonly kind: 'conclude'; readonly job: Job; readonly conclude: () => Promise<PushAnswer> }

/** The stream as a command finds it, and whether that is known to be its end (or will be proven). */
interface Place {
  readonly stream: StreamState
  readonly isSure: boolean
}

interface QueueHooks {
  readonly onIdle: () => void
  /** Puts a command into the queue of another stream. */
  readonly forward: StreamQueues['submit']
}

type Assessment = Judgement | { readonly kind: 'forward'; readonly closed: StreamState; readonly successor: string }

class StreamQueue {
  readonly #context: DecideContext
  readonly #ref: StreamRef
  readonly #hooks: QueueHooks
  #waiting: Job[] = []
  /** In order; the first may be an append only, since what waits for nothing is concluded at once. */
  #flights: Flight[] = []
  /** The stream after all flights. */
  #predicted: StreamState | undefined
  /** What memory knows of the stream is known to be behind. */
  #stale = false
  /** Something came otherwise than predicted: nothing new is sent until all flights have their answers. */
  #broken = false
  /** Judged on what did not come, to be judged again. */
  #again: Flight[] = []
  /** Grows with what is stored, is halved by a conflict: a chain that conflicts costs the lane as much as one stored. */
  #window = MAX_IN_FLIGHT
  #running = false

  constructor(context: DecideContext, ref: StreamRef, hooks: QueueHooks) {
    this.#context = context
    this.#ref = ref
    this.#hooks = hooks
  }

  submit(arrival: Arrival, predecessor: QueuedCommand | undefined): QueuedCommand {
    let resolve: (answer: PushAnswer) => void = () => {}
    const answer = new Promise<PushAnswer>((done) => {
      resolve = done
    })
    const job: Job = { arrival, predecessor, answer, resolve, phase: 'waiting', accepted: false, tries: 0 }
    this.#waiting.push(job)
    if (!this.#running) void this.#run()
    return job
  }

  async #run(): Promise<void> {
    this.#running = true
    while (this.#waiting.length > 0 || this.#flights.length > 0) {
      while (!this.#broken && this.#waiting.length > 0 && this.#flights.length < this.#window) {
        if (!(await this.#launch(this.#waiting[0] as Job))) break
      }
      const flight = this.#flights.shift()
      if (flight !== undefined) {
        await this.#land(flight).catch((error: unknown) => {
          this.#broken = true
          this.#finish(flight.job, this.#outage(error))
        })
      }
      if (this.#broken && this.#flights.length === 0) this.#restart()
    }
    this.#running = false
    this.#hooks.onIdle()
  }

  /** Judges the first that waits and sends what it leads to. False: some flight has to land first. */
  async #launch(job: Job): Promise<boolean> {
    const { predecessor } = job
    if (predecessor?.phase === 'concluding') {
      if (this.#flights.length > 0) return false
      await predecessor.answer
    }
    if (predecessor?.phase === 'answered' && !predecessor.accepted) {
      this.#waiting.shift()
      this.#finish(job, retry('predecessor'))
      return true
    }
    let judgement: Assessment
    let place: Place | undefined
    try {
      place = await this.#current(job.arrival)
      judgement = await this.#assess(job, place?.stream)
      // What memory holds may be behind. An append notices, an answer without one would not.
      if (judgement.kind === 'conclude' && place?.isSure === false) {
        place = await this.#load()
        judgement = await this.#assess(job, place?.stream)
      }
    } catch (error) {
      judgement = { kind: 'conclude', conclude: () => Promise.reject(error) }
    }
    if (judgement.kind === 'too-early') return false
    this.#waiting.shift()
    if (judgement.kind === 'forward') {
      this.#forward(job, judgement.closed, judgement.successor)
      return true
    }
    if (judgement.kind === 'conclude') {
      job.phase = 'concluding'
      if (this.#flights.length === 0) this.#conclude(job, judgement.conclude)
      else this.#flights.push({ kind: 'conclude', job, conclude: judgement.conclude })
      return true
    }
    const { request, after, rebased } = judgement
    const free = request.expected === 'any' && this.#mayOvertake(predecessor)
    job.phase = 'appending'
    const answer = this.#context.store
      .append(free || place === undefined ? request : this.#chained(request, place))
      .catch((error: unknown) => ({ kind: 'threw' as const, error }))
    this.#flights.push({ kind: 'append', job, answer, after, rebased, free })
    this.#predicted = after
    return true
  }

  /** What is appended at any version needs no order among its own kind, unless its author asked for one. */
  #mayOvertake(predecessor: QueuedCommand | undefined): boolean {
    if (predecessor?.phase === 'appending') return false
    return this.#flights.every((flight) => flight.kind === 'append' && flight.free)
  }

  async #assess(job: Job, current: StreamState | undefined): Promise<Assessment> {
    if (current === undefined) {
      return { kind: 'conclude', conclude: async () => retry('unavailable', UNREADABLE_RETRY_MS) }
    }
    if (current.successor !== undefined) return { kind: 'forward', closed: current, successor: current.successor }
    return judgeCommand(this.#context, job.arrival, current, this.#flights.length === 0)
  }

  /** Hands the command to the queue of what this stream was split into. Commands keep their order. */
  #forward(job: Job, closed: StreamState, successor: string): void {
    job.phase = 'concluding'
    if (this.#context.domain.aggregateOf(successor) !== this.#ref.aggregate) {
      this.#finish(job, invalid('unknown_stream', [{ path: '/stream', message: 'stream_closed' }]))
      return
    }
    const { answer } = this.#hooks.forward(moveOn(job.arrival, closed, successor), job.predecessor)
    void answer.then((told) => this.#finish(job, told))
  }

  /** The append, tied to the last one under way. */
  #chained(request: AppendRequest, { stream: { version, head }, isSure }: Place): AppendRequest {
    if (this.#flights.every((flight) => flight.kind === 'conclude')) {
      // A log that was put back may hold other events at the version that memory knows.
      return isSure || version === 0 || request.expected === 'any' ? request : { ...request, after: head }
    }
    // Behind an answer without events the version counts for all: that answer is only right at this one.
    const isBehindAnswer = this.#flights.some((flight) => flight.kind === 'conclude')
    return { ...request, expected: isBehindAnswer ? version : request.expected, after: head }
  }

  /** The stream as the next command finds it; `undefined` when this code cannot read it. */
  async #current(arrival: Arrival): Promise<Place | undefined> {
    // What is in flight proves what it was predicted on, or takes this back.
    if (this.#flights.length > 0 && this.#predicted !== undefined) return { stream: this.#predicted, isSure: true }
    const known = this.#stale ? undefined : this.#context.states.peek(this.#ref)
    return known === undefined ? this.#load() : { stream: known, isSure: arrival.isRead }
  }

  async #load(): Promise<Place | undefined> {
    const { states, logger } = this.#context
    const loaded = await states.load(this.#ref)
    if (loaded.kind === 'folded') {
      this.#stale = false
      return { stream: loaded.stream, isSure: true }
    }
    logger.error('a stream cannot be read by this code', {
      aggregate: this.#ref.aggregate.name,
      reason: loaded.failure.kind,
      type: loaded.failure.type,
    })
    return undefined
  }

  /** Takes the answer of what was sent first. */
  async #land(flight: Flight): Promise<void> {
    const { job } = flight
    if (flight.kind === 'conclude') {
      if (this.#broken) this.#again.push(flight)
      else this.#conclude(job, flight.conclude)
      return
    }
    const { states } = this.#context
    const { tokenOf } = job.arrival
    const answer = await flight.answer
    switch (answer.kind) {
      case 'appended': {
        const { version, lane, position } = answer
        this.#finish(job, { kind: 'accepted', version, token: tokenOf(lane, position), rebased: flight.rebased })
        // A commutative command may have landed behind events of others; loading reads those.
        if (version !== flight.after.version) this.#broken = true
        else if (!flight.free) this.#concludeProven()
        if (!this.#broken) states.advanceTo(this.#ref, flight.after)
        this.#window = Math.min(MAX_IN_FLIGHT, this.#window + 1)
        break
      }
      case 'conflict':
        if (!this.#broken) {
          job.tries++
          this.#window = Math.max(1, this.#window >> 1)
        }
        this.#broken = true
        if (job.tries < MAX_TRIES) this.#again.push(flight)
        else this.#finish(job, retry('contention'))
        break
      case 'stream-closed':
        // It was split since it was read; read again, it tells what it goes on as.
        this.#broken = true
        job.tries++
        if (job.tries < MAX_TRIES) this.#again.push(flight)
        else this.#finish(job, retry('contention'))
        break
      case 'threw':
        this.#broken = true
        this.#finish(job, this.#outage(answer.error))
        break
      case 'checked':
        throw new Error('An append with events was answered as if it had none.')
      default:
        this.#broken = true
        this.#finish(job, fromStore(answer, tokenOf))
    }
  }

  /**
   * An append that follows the predicted event at the predicted version was stored: all before it came as predicted,
   * whatever was answered (an unknown outcome, a command that was known already). Were those without events judged
   * again now, they would be judged on what stands behind them.
   */
  #concludeProven(): void {
    for (const flight of this.#again) if (flight.kind === 'conclude') this.#conclude(flight.job, flight.conclude)
    this.#again = this.#again.filter((flight) => flight.kind === 'append')
  }

  #restart(): void {
    const again = this.#again.map((flight) => flight.job)
    for (const job of again) job.phase = 'waiting'
    this.#waiting = [...again, ...this.#waiting]
    this.#again = []
    this.#stale = true
    this.#context.states.foundBehind(this.#ref)
    this.#broken = false
  }

  #conclude(job: Job, conclude: () => Promise<PushAnswer>): void {
    conclude().then(
      (answer) => this.#finish(job, answer),
      (error: unknown) => this.#finish(job, this.#outage(error)),
    )
  }

  #finish(job: Job, answer: PushAnswer): void {
    job.phase = 'answered'
    job.accepted = answer.kind === 'accepted'
    job.resolve(answer)
  }

  #outage(error: unknown): PushAnswer {
    this.#context.logger.error('the store failed under a command', errorFields(error))
    return retry('unavailable')
  }
}
