import type { Transport, TransportFailure } from '@tidemark/core'
import { createPart } from './part.ts'

export interface TrpcTransportOptions {
  /** Where the server's tRPC router is mounted, `/trpc` for one on the same origin. */
  readonly url: string
  /** Asked before every request; `undefined` while nobody is signed in. */
  readonly token: () => string | undefined | Promise<string | undefined>
  /** A live stream that carried no byte for so long is taken for dead. Milliseconds, default 25,000. */
  readonly inactivityMs?: number
  /** A request without an answer for so long is given up. Milliseconds, default 30,000. */
  readonly requestMs?: number
}

/**
 * The way to a Tidemark server over HTTP and server-sent events. It asks once and says what came of it: trying again
 * is the sync loop's business. tRPC and the wire's schemas are loaded with the first request, after the first paint.
 */
export function createTrpcTransport(options: TrpcTransportOptions): Transport {
  const http = createPart(() => import('./trpc-http.ts').then(({ openTrpc }) => openTrpc(options)))

  async function ask<T>(request: (open: Required<Transport>) => Promise<T>): Promise<T | TransportFailure> {
    let open: Required<Transport>
    try {
      open = await http()
    } catch (error) {
      // It comes from where the app comes from, so that is out of reach too.
      return { kind: 'unreachable', message: error instanceof Error ? error.message : String(error) }
    }
    return await request(open)
  }

  return {
    push: (request, signal) => ask((open) => open.push(request, signal)),
    pull: (request, signal) => ask((open) => open.pull(request, signal)),
    query: (request, signal) => ask((open) => open.query(request, signal)),
    history: (request, signal) => ask((open) => open.history(request, signal)),
    live: (request, onMessage, signal) => ask((open) => open.live(request, onMessage, signal)),
  }
}
