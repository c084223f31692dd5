import type { Socket } from 'node:net'

/** What one direction of a connection carries: bytes, or the news that the sender has finished or is gone. */
type Parcel = { readonly due: number } & (
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'end' }
  | { readonly kind: 'gone' }
)

/** Past this much held data the sender is paused, as a full TCP window would. */
const HELD_BYTES_LIMIT = 1024 * 1024

/** How many of some bytes may pass, and whether the connection is reset behind them. */
export interface Verdict {
  readonly pass: number
  readonly cut: boolean
}

export interface FaultPipeOptions {
  readonly from: Socket
  readonly to: Socket
  /** Delay of every parcel in milliseconds, asked at its arrival. Order is kept when it shrinks. */
  readonly latency: () => number
  /** Whether nothing may move now. */
  readonly frozen: () => boolean
  /** Judges bytes when their turn has come. */
  readonly judge: (bytes: Buffer) => Verdict
  readonly cut: () => void
}

/** One direction of a proxied connection. */
export class FaultPipe {
  readonly #options: FaultPipeOptions
  readonly #queue: Parcel[] = []
  #held = 0
  #lastDue = 0
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: FaultPipeOptions) {
    this.#options = options
    const { from, to } = options
    from.on('data', (bytes) => this.#take({ kind: 'bytes', bytes: Buffer.from(bytes) }))
    from.on('end', () => this.#take({ kind: 'end' }))
    from.on('close', () => this.#take({ kind: 'gone' }))
    to.on('drain', () => this.#resumeSender())
  }

  /** Hands over what is due; called again whenever a freeze ends. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    while (!this.#closed && !this.#options.frozen()) {
      const next = this.#queue[0]
      if (next === undefined) break
      const wait = next.due - performance.now()
      if (wait > 0) {
        this.#timer = setTimeout(() => this.flush(), Math.ceil(wait))
        return
      }
      this.#queue.shift()
      this.#deliver(next)
    }
    this.#resumeSender()
  }

  /** Forgets everything that is still held. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#queue.length = 0
    this.#held = 0
  }

  #take(parcel: { kind: 'bytes'; bytes: Buffer } | { kind: 'end' } | { kind: 'gone' }): void {
    if (this.#closed) return
    const due = Math.max(this.#lastDue, performance.now() + this.#options.latency())
    this.#lastDue = due
    this.#queue.push({ ...parcel, due })
    if (parcel.kind === 'bytes') this.#held += parcel.bytes.length
    if (this.#held > HELD_BYTES_LIMIT) this.#options.from.pause()
    // A timer is set: it will come to this parcel in its turn.
    if (this.#timer === undefined) this.flush()
  }

  #deliver(parcel: Parcel): void {
    const { from, to, judge, cut } = this.#options
    switch (parcel.kind) {
      case 'bytes': {
        this.#held -= parcel.bytes.length
        if (to.destroyed) return
        const verdict = judge(parcel.bytes)
        if (verdict.pass === 0) {
          if (verdict.cut) cut()
          return
        }
        // The last bytes before a cut must have left this process before the socket does.
        const room = to.write(parcel.bytes.subarray(0, verdict.pass), verdict.cut ? cut : undefined)
        if (!room) from.pause()
        return
      }
      case 'end':
        to.end()
        return
      case 'gone':
        // One that went after its `end` has said all it had to say; one that went without was reset.
        if (!from.readableEnded || from.errored !== null) cut()
        return
    }
  }

  #resumeSender(): void {
    if (this.#held <= HELD_BYTES_LIMIT && !this.#options.to.writableNeedDrain) this.#options.from.resume()
  }
}
