/**
 * Which appends go into the next call of a lane. Pure: no clock, no I/O.
 *
 * Nothing lingers: a batch is what queued while the calls before it were in flight. At most two calls are in flight, the
 * second waiting in the database on the first one's lock; so that it is not empty, the first takes only half where
 * many wait. A stream with a call in flight waits, since two calls may swap on the lock. A command that is queued or in
 * flight already is held back behind the first: the same id twice in one call would fail the call.
 */

export interface Queued {
  /** A call takes appends or settles, never both. */
  readonly kind: 'append' | 'settle'
  /** Tenant and stream. */
  readonly streamKey: string
  /** Tenant, principal and command id; `null` for an append without a command. */
  readonly commandKey: string | null
  readonly bytes: number
}

export interface LaneQueueLimits {
  /** Most entries that wait. */
  readonly maxWaiting: number
  readonly maxWaitingBytes: number
  /** Most entries of one call. */
  readonly maxBatch: number
  readonly maxBatchBytes: number
  readonly maxInFlight: number
  /** With nothing in flight and more than this many waiting, half of them go. */
  readonly splitAbove: number
}

export const LANE_QUEUE_LIMITS: LaneQueueLimits = {
  maxWaiting: 10_000,
  maxWaitingBytes: 64 * 1024 * 1024,
  maxBatch: 500,
  maxBatchBytes: 2 * 1024 * 1024,
  maxInFlight: 2,
  splitAbove: 32,
}

interface StreamQueue<T> {
  readonly key: string
  entries: T[]
  inFlight: boolean
}

export class LaneQueue<T extends Queued> {
  readonly #limits: LaneQueueLimits
  readonly #streamsByKey = new Map<string, StreamQueue<T>>()
  /** Streams with entries and no call in flight, in the order they became ready. */
  #ready: StreamQueue<T>[] = []
  /** Entries of the ready streams. */
  #readyCount = 0
  /** Entries held back behind the queued or sent entry with the same command. */
  readonly #heldByCommand = new Map<string, T[] | undefined>()
  #waiting = 0
  #waitingBytes = 0
  #inFlight = 0

  constructor(limits: LaneQueueLimits = LANE_QUEUE_LIMITS) {
    this.#limits = limits
  }

  /** Entries not sent yet, the held ones included. */
  get waiting(): number {
    return this.#waiting
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** Whether one more entry would be too many. */
  isFull(bytes: number): boolean {
    return (
      this.#waiting >= this.#limits.maxWaiting ||
      (this.#waiting > 0 && this.#waitingBytes + bytes > this.#limits.maxWaitingBytes)
    )
  }

  /** Adds an entry. The caller has asked {@link isFull}. */
  push(entry: T): void {
    this.#waiting++
    this.#waitingBytes += entry.bytes
    if (entry.commandKey !== null) {
      if (this.#heldByCommand.has(entry.commandKey)) {
        const held = this.#heldByCommand.get(entry.commandKey)
        if (held === undefined) this.#heldByCommand.set(entry.commandKey, [entry])
        else held.push(entry)
        return
      }
      // Nearly always nothing is held, so there is no list for it.
      this.#heldByCommand.set(entry.commandKey, undefined)
    }
    let stream = this.#streamsByKey.get(entry.streamKey)
    if (stream === undefined) {
      stream = { key: entry.streamKey, entries: [], inFlight: false }
      this.#streamsByKey.set(entry.streamKey, stream)
    }
    stream.entries.push(entry)
    if (stream.inFlight) return
    if (stream.entries.length === 1) this.#ready.push(stream)
    this.#readyCount++
  }

  /** The next call's entries, those of one stream in order and next to each other; `undefined` when there is none. */
  take(): readonly T[] | undefined {
    const kind = this.#ready[0]?.entries[0]?.kind
    if (kind === undefined || this.#inFlight >= this.#limits.maxInFlight) return undefined
    // The entries of one stream cannot be in two calls, so half of a single stream would only be a smaller batch.
    const split = this.#inFlight === 0 && this.#readyCount > this.#limits.splitAbove && this.#ready.length > 1
    const limit = Math.min(this.#limits.maxBatch, split ? Math.ceil(this.#readyCount / 2) : Infinity)
    const batch: T[] = []
    const left: StreamQueue<T>[] = []
    let bytes = 0
    let full = false
    let index = 0
    for (; index < this.#ready.length && !full; index++) {
      const stream = this.#ready[index] as StreamQueue<T>
      let count = 0
      for (const entry of stream.entries) {
        if (entry.kind !== kind) break
        full = batch.length >= limit || (batch.length > 0 && bytes + entry.bytes > this.#limits.maxBatchBytes)
        if (full) break
        batch.push(entry)
        bytes += entry.bytes
        count++
      }
      if (count === 0) {
        left.push(stream)
        continue
      }
      this.#readyCount -= stream.entries.length
      stream.entries = stream.entries.slice(count)
      stream.inFlight = true
    }
    this.#ready = [...left, ...this.#ready.slice(index)]
    this.#waiting -= batch.length
    this.#waitingBytes -= bytes
    this.#inFlight++
    return batch
  }

  /** Frees the streams of a call that has ended. */
  release(batch: readonly T[]): void {
    this.#inFlight--
    for (const { streamKey } of batch) {
      const stream = this.#streamsByKey.get(streamKey)
      if (stream === undefined || !stream.inFlight) continue
      stream.inFlight = false
      if (stream.entries.length === 0) {
        this.#streamsByKey.delete(streamKey)
      } else {
        this.#ready.push(stream)
        this.#readyCount += stream.entries.length
      }
    }
  }

  /** The entries held back behind this one, which has its answer now. They leave the queue; push those to be asked. */
  takeHeld(entry: T): readonly T[] {
    if (entry.commandKey === null) return []
    const held = this.#heldByCommand.get(entry.commandKey) ?? []
    this.#heldByCommand.delete(entry.commandKey)
    this.#leave(held)
    return held
  }

  /** Takes out everything that waits, held entries included. */
  drain(): readonly T[] {
    const drained: T[] = []
    for (const stream of this.#streamsByKey.values()) {
      drained.push(...stream.entries)
      stream.entries = []
    }
    for (const held of this.#heldByCommand.values()) drained.push(...(held?.splice(0) ?? []))
    this.#ready = []
    this.#readyCount = 0
    this.#leave(drained)
    return drained
  }

  #leave(entries: readonly T[]): void {
    this.#waiting -= entries.length
    for (const entry of entries) this.#waitingBytes -= entry.bytes
  }
}
