import type { Transport } from '@tidemark/core'

export interface TrpcTransportOptions {
  /** Where the server's tRPC router is mounted, `/trpc` for one on the same origin. */
  readonly url: string
  /** Asked before every request; `undefined` while nobody is signed in. */
  readonly token: () => string | undefined | Promise<string | undefined>
  /** A live stream that carried no byte for so long is taken for dead. Milliseconds, default 25,000. */
  readonly inactivityMs?: number
}

/** The way to a Tidemark server over HTTP and server-sent events. */
export declare function createTrpcTransport(options: TrpcTransportOptions): Transport
