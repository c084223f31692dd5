import type { AbortSignalLike, LiveMessage, Page, PullReply, Transport, TransportFailure } from '@tidemark/core'

/** A network between one tab and a server whose messages wait to be let through, in any order, or come once more. */
export interface UnrulyNetwork {
  readonly transport: Transport
  /** From now on requests and answers wait. */
  hold(): void
  /** Lets one of those that wait through. */
  letThrough(which: number): void
  /** Lets all through, and those to come. */
  flow(): void
  /** A page that came before comes in place of, or before, the next one. */
  replay(which: number): void
  /** The tab is gone: nothing leaves it or reaches it any more. */
  end(): void
}

const ABORTED: TransportFailure = { kind: 'unreachable', message: 'The request was given up.' }

export function createUnrulyNetwork(server: Transport): UnrulyNetwork {
  let held = false
  let ended = false
  const waiting: (() => void)[] = []
  const pages: Page[] = []
  let again: Page | undefined

  /** Resolves when it may pass, `false` where the request was given up meanwhile. */
  function pass(signal: AbortSignalLike): Promise<boolean> {
    if (ended) return new Promise(() => undefined)
    if (!held || signal.aborted) return Promise.resolve(!signal.aborted)
    return new Promise((resolve) => {
      const go = (): void => {
        if (!ended) resolve(!signal.aborted)
      }
      waiting.push(go)
      signal.addEventListener('abort', go, { once: true })
    })
  }

  async function call<T>(send: () => Promise<T>, signal: AbortSignalLike): Promise<T | TransportFailure> {
    if (!(await pass(signal))) return ABORTED
    const reply = await send()
    return (await pass(signal)) ? reply : ABORTED
  }

  function takeAgain(): Page | undefined {
    const page = again
    again = undefined
    return page
  }

  /** Pages that a pull begins with are told apart by their request; only those that continue something can stray. */
  function remember(reply: PullReply | LiveMessage | TransportFailure): void {
    if (reply.kind === 'page' && !reply.reset && reply.since !== null) pages.push(reply)
  }

  return {
    transport: {
      push: (request, signal) => call(() => server.push(structuredClone(request), signal), signal),
      history: (request, signal) => call(() => server.history(request, signal), signal),
      pull: async (request, signal) => {
        const reply = await call(() => server.pull(request, signal), signal)
        remember(reply)
        return reply.kind === 'page' ? (takeAgain() ?? reply) : reply
      },
      live: async (request, onMessage, signal) => {
        if (!(await pass(signal))) return ABORTED
        return await server.live(
          request,
          async (message) => {
            remember(message)
            if (!(await pass(signal))) return
            const first = takeAgain()
            if (first !== undefined) await onMessage(first)
            await onMessage(message)
          },
          signal,
        )
      },
    },
    hold: () => {
      held = true
    },
    letThrough: (which) => {
      const [go] = waiting.splice(which % Math.max(1, waiting.length), 1)
      go?.()
    },
    flow: () => {
      held = false
      for (const go of waiting.splice(0)) go()
    },
    replay: (which) => {
      again = pages[which % Math.max(1, pages.length)]
    },
    end: () => {
      ended = true
      waiting.length = 0
    },
  }
}
