import type { PushReply, PushRequest } from '../wire/push.ts'
import type { HistoryReply, HistoryRequest, LiveMessage, LiveRequest, PullReply, PullRequest } from '../wire/pull.ts'
import type { QueryReply, QueryRequest } from '../wire/query.ts'
import type { AbortSignalLike } from './event-store.ts'

/**
 * The client's way to a server. An adapter parses every reply with the wire schemas, so what arrives here has the
 * declared shape. Failures to reach the server, or to understand it, are values too.
 */
export interface Transport {
  push(request: PushRequest, signal: AbortSignalLike): Promise<PushReply | TransportFailure>
  pull(request: PullRequest, signal: AbortSignalLike): Promise<PullReply | TransportFailure>
  history(request: HistoryRequest, signal: AbortSignalLike): Promise<HistoryReply | TransportFailure>
  /**
   * A read that the server answers. It asks to hold what this transport has pushed, and what the request asks for besides.
   * A transport to a server without queries leaves it out.
   */
  query?(request: QueryRequest, signal: AbortSignalLike): Promise<QueryReply | TransportFailure>
  /**
   * One stream; it is not reconnected by the adapter. Ends with `ended` when the server closes it, the connection
   * breaks, nothing at all arrives for the stated time, or the signal is aborted. `onMessage` is awaited: the next
   * message is handed over when the last one is done with.
   */
  live(
    request: LiveRequest,
    onMessage: (message: LiveMessage) => Promise<void> | void,
    signal: AbortSignalLike,
  ): Promise<TransportFailure | { readonly kind: 'ended' }>
}

export type TransportFailure =
  /** No connection, a connection that broke, or a time-out: the request may or may not have arrived. */
  | { readonly kind: 'unreachable'; readonly message: string }
  /** The token is missing, expired or refused. Sync pauses; work goes on. */
  | { readonly kind: 'unauthenticated' }
  /** The server answered, but not in this protocol. */
  | { readonly kind: 'unreadable'; readonly message: string }
  /** The server is there and says no for now: too many requests, or it is failing. Milliseconds. */
  | { readonly kind: 'unavailable'; readonly after: number }
