import { type Socket, connect, createServer } from 'node:net'
import { FaultPipe, type Verdict } from './fault-pipe.ts'

export interface FaultProxyTarget {
  readonly host: string
  readonly port: number
}

/** `up` is from the client to the target, `down` is back. */
export type FaultDirection = 'up' | 'down'

/** What happened so far. A run in which the counters of its faults are 0 has proved nothing. */
export interface FaultCounters {
  /** Connections passed on to the target. */
  readonly accepted: number
  /** Connections reset at once, because the line was cut. */
  readonly refused: number
  /** Connections that are open now. */
  readonly open: number
  /** Open connections that a fault ended. */
  readonly cut: number
  /** Answers that were thrown away together with their connection. */
  readonly droppedResponses: number
  readonly bytesUp: number
  readonly bytesDown: number
}

/** A TCP proxy on loopback that breaks connections the way networks do. Every fault holds until it is taken back. */
export interface FaultProxy {
  readonly port: number
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  /** Resets all connections, and every new one at once, until `restore`. */
  cut(): void
  /** Ends every fault: connections are taken again, nothing is frozen, delayed, counted down or dropped. */
  restore(): void
  /** Half-open: connections stay up and are accepted, and no byte or close moves either way until `thaw`. */
  freeze(): void
  thaw(): void
  /** Delays everything by this many milliseconds each way. */
  latency(ms: number): void
  /** Resets the connection over which the `count`-th byte from now goes that way; that byte still arrives. Once. */
  cutAfterBytes(count: number, direction: FaultDirection): void
  /** With this probability (0 to 1) an answer is thrown away, and its connection reset: the request did go through. */
  dropResponses(probability: number): void
  /** New connections go there; open ones stay where they are. */
  setTarget(target: FaultProxyTarget): void
  counters(): FaultCounters
  /** Resets everything and frees the port. */
  close(): Promise<void>
}

export interface FaultProxyOptions {
  readonly target: FaultProxyTarget
  /** A free port when left out. */
  readonly port?: number
  /** From 0 to below 1, for `dropResponses`; give a seeded one to repeat a run. */
  readonly random?: () => number
}

interface Link {
  readonly client: Socket
  readonly server: Socket
  readonly pipes: readonly FaultPipe[]
  /** The client has sent something since the target last answered. */
  asked: boolean
}

export async function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const random = options.random ?? Math.random
  const links = new Set<Link>()
  const counts = { accepted: 0, refused: 0, cut: 0, droppedResponses: 0, bytesUp: 0, bytesDown: 0 }
  let { target } = options
  let isCut = false
  let isFrozen = false
  let latencyMs = 0
  let dropProbability = 0
  let countdown: { left: number; readonly direction: FaultDirection } | undefined

  const forget = (link: Link) => {
    for (const pipe of link.pipes) pipe.close()
    links.delete(link)
  }
  const reset = (link: Link) => {
    if (!links.has(link)) return
    counts.cut += 1
    forget(link)
    link.client.resetAndDestroy()
    link.server.resetAndDestroy()
  }
  const judge = (link: Link, direction: FaultDirection, bytes: Buffer): Verdict => {
    if (direction === 'up') link.asked = true
    else if (link.asked) {
      link.asked = false
      if (random() < dropProbability) {
        counts.droppedResponses += 1
        return { pass: 0, cut: true }
      }
    }
    const armed = countdown?.direction === direction ? countdown : undefined
    const pass = Math.min(bytes.length, armed?.left ?? bytes.length)
    if (armed !== undefined) armed.left -= pass
    const cut = armed?.left === 0
    if (cut) countdown = undefined
    if (direction === 'up') counts.bytesUp += pass
    else counts.bytesDown += pass
    return { pass, cut }
  }

  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    client.on('error', () => undefined)
    if (isCut) {
      counts.refused += 1
      client.resetAndDestroy()
      return
    }
    counts.accepted += 1
    const server = connect({ ...target, allowHalfOpen: true, noDelay: true })
    const wiring = { latency: () => latencyMs, frozen: () => isFrozen, cut: () => reset(link) }
    const link: Link = {
      client,
      server,
      asked: false,
      pipes: [
        new FaultPipe({ ...wiring, from: client, to: server, judge: (bytes) => judge(link, 'up', bytes) }),
        new FaultPipe({ ...wiring, from: server, to: client, judge: (bytes) => judge(link, 'down', bytes) }),
      ],
    }
    links.add(link)
    // The close that follows is passed on by the pipe, in its turn.
    server.on('error', () => undefined)
    const forgetWhenBothAreGone = () => {
      if (client.destroyed && server.destroyed) forget(link)
    }
    client.on('close', forgetWhenBothAreGone)
    server.on('close', forgetWhenBothAreGone)
  })
  await new Promise<void>((resolve, reject) => {
    listener.on('error', reject)
    listener.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const address = listener.address()
  if (address === null || typeof address === 'string') throw new Error('A listening TCP server has no port.')

  const cutAll = () => {
    for (const link of links) reset(link)
  }
  const thaw = () => {
    isFrozen = false
    for (const link of links) for (const pipe of link.pipes) pipe.flush()
  }
  return {
    port: address.port,
    url: `http://127.0.0.1:${address.port}`,
    cut: () => {
      isCut = true
      cutAll()
    },
    restore: () => {
      isCut = false
      latencyMs = 0
      dropProbability = 0
      countdown = undefined
      thaw()
    },
    freeze: () => {
      isFrozen = true
    },
    thaw,
    latency: (ms) => {
      latencyMs = ms
    },
    cutAfterBytes: (count, direction) => {
      countdown = { left: Math.max(1, count), direction }
    },
    dropResponses: (probability) => {
      dropProbability = probability
    },
    setTarget: (next) => {
      target = next
    },
    counters: () => ({ ...counts, open: links.size }),
    close: async () => {
      isCut = true
      cutAll()
      await new Promise<void>((resolve) => listener.close(() => resolve()))
    },
  }
}
