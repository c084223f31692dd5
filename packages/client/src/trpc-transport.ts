import { createTRPCUntypedClient, httpLink, httpSubscriptionLink, splitLink, TRPCClientError } from '@trpc/client'
import {
  historyReply,
  liveMessage,
  pullReply,
  pushReply,
  queryReply,
  upgradeRequired,
  validate,
  type AbortSignalLike,
  type AnySchema,
  type LiveMessage,
  type PushReply,
  type QueryReply,
  type Transport,
  type TransportFailure,
  type UpgradeRequired,
} from '@tidemark/core'
import { createOwnWrites } from './own-writes.ts'
import { FetchEventSource, type OpenStream } from './fetch-event-source.ts'

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

const INACTIVITY = 25_000
const REQUEST = 30_000

/**
 * The way to a Tidemark server over HTTP and server-sent events. It asks once and says what came of it: trying again
 * is the sync loop's business, so tRPC's own reconnects never get to run.
 */
export function createTrpcTransport(options: TrpcTransportOptions): Transport {
  const ownWrites = createOwnWrites()
  const authorization = async (): Promise<Record<string, string>> => {
    const token = await options.token()
    return token === undefined ? {} : { authorization: `Bearer ${token}` }
  }

  async function mutate<T>(
    path: string,
    input: unknown,
    schema: AnySchema,
    signal: AbortSignalLike,
  ): Promise<T | UpgradeRequired | TransportFailure> {
    let answered: Response | undefined
    const listen = async (target: RequestInfo | URL, init?: object): Promise<Response> =>
      (answered = await fetch(target, init))
    const client = createTRPCUntypedClient({
      links: [httpLink({ url: options.url, headers: authorization, fetch: listen })],
    })
    const attempt = linked(signal)
    const giveUp = setTimeout(() => attempt.abort(), options.requestMs ?? REQUEST)
    try {
      return parse<T>(schema, await client.mutation(path, input, { signal: attempt.signal }))
    } catch (error) {
      return toFailure(error, answered)
    } finally {
      clearTimeout(giveUp)
      attempt.release()
    }
  }

  return {
    push: async (request, signal) => {
      const reply = await mutate<PushReply>('sync.push', request, pushReply, signal)
      if (reply.kind === 'answers') ownWrites.pushed(reply)
      return reply
    },
    pull: (request, signal) => mutate('sync.pull', request, pullReply, signal),
    query: async (request, signal) => {
      const asked = ownWrites.ask(request)
      const reply = await mutate<QueryReply>('query', asked, queryReply, signal)
      if (reply.kind === 'answer' || reply.kind === 'late') ownWrites.answered(asked, reply)
      return reply
    },
    history: (request, signal) => mutate('history', request, historyReply, signal),
    live: (request, onMessage, signal) =>
      new Promise((resolve) => {
        let ended = false
        let handled: Promise<void> = Promise.resolve()
        const watch = (): ReturnType<typeof setTimeout> =>
          setTimeout(
            () => end({ kind: 'unreachable', message: 'The live stream fell silent.' }),
            options.inactivityMs ?? INACTIVITY,
          )
        let silence = watch()
        const heard = (): void => {
          clearTimeout(silence)
          if (!ended) silence = watch()
        }

        // Any byte is a sign of life, also tRPC's own pings, which never get past its link.
        const open: OpenStream = async (url, closing) => {
          const headers = { accept: 'text/event-stream', ...(await authorization()) }
          const response = await fetch(url, { headers, signal: closing, cache: 'no-store' })
          heard()
          if (!response.ok) end(statusFailure(response.status, response.headers.get('retry-after')))
          if (response.body === null) return response
          const body = response.body.pipeThrough(
            new TransformStream<Uint8Array, Uint8Array>({
              transform: (chunk, controller) => {
                heard()
                controller.enqueue(chunk)
              },
            }),
          )
          return new Response(body, { status: response.status, headers: response.headers })
        }

        const client = createTRPCUntypedClient({
          links: [
            splitLink({
              condition: (operation) => operation.type === 'subscription',
              true: httpSubscriptionLink({
                url: options.url,
                EventSource: FetchEventSource,
                eventSourceOptions: { open },
              }),
              false: httpLink({ url: options.url }),
            }),
          ],
        })
        const subscription = client.subscription('sync.live', request, {
          onData: (data: unknown) => {
            const parsed = parse<LiveMessage>(liveMessage, untracked(data))
            if (parsed.kind === 'unreadable') return end(parsed)
            // One at a time: the next message waits until this one is stored.
            handled = handled.then(() => (ended ? undefined : onMessage(parsed as LiveMessage)))
            handled.catch((error: unknown) => end({ kind: 'unreadable', message: messageOf(error) }))
          },
          onConnectionStateChange: (state) => {
            // tRPC is about to reconnect by itself.
            if (state.state === 'connecting' && state.error !== null) end(toFailure(state.error))
          },
          onError: (error) => end(toFailure(error)),
          onComplete: () => {
            void handled.then(() => end({ kind: 'ended' }))
          },
        })
        const onAbort = (): void => end({ kind: 'ended' })
        signal.addEventListener('abort', onAbort, { once: true })
        if (signal.aborted) onAbort()

        function end(result: TransportFailure | { readonly kind: 'ended' }): void {
          if (ended) return
          ended = true
          clearTimeout(silence)
          signal.removeEventListener('abort', onAbort)
          resolve(result)
          // The first events may come while the subscription is still being made.
          queueMicrotask(() => subscription.unsubscribe())
        }
      }),
  }
}

function parse<T>(
  schema: AnySchema,
  reply: unknown,
): T | UpgradeRequired | Extract<TransportFailure, { kind: 'unreadable' }> {
  const checked = validate(schema, reply)
  if (checked.ok) return checked.value as T
  // A server of another protocol may answer in a shape of its own, but it says so in this one.
  const upgrade = validate(upgradeRequired, reply)
  if (upgrade.ok) return upgrade.value
  const first = checked.issues[0]
  return {
    kind: 'unreadable',
    message: `The server's answer has an unknown shape at "${first?.path ?? ''}": ${first?.message ?? ''}`,
  }
}

/** `answered`: whatever came back before the error, also from a proxy that is no tRPC server. */
function toFailure(error: unknown, answered?: Response): TransportFailure {
  const data =
    error instanceof TRPCClientError ? (error.data as { readonly httpStatus?: unknown } | null | undefined) : null
  const status = typeof data?.httpStatus === 'number' ? data.httpStatus : answered?.status
  if (status === undefined) return { kind: 'unreachable', message: messageOf(error) }
  if (status >= 400) return statusFailure(status, answered?.headers.get('retry-after') ?? null)
  // A reply that broke off in the middle reads like this too, and is asked for again the same way.
  return { kind: 'unreadable', message: messageOf(error) }
}

function statusFailure(status: number, retryAfter: string | null): TransportFailure {
  if (status === 401) return { kind: 'unauthenticated' }
  if (status === 408 || status === 429 || status >= 500) {
    const seconds = Number(retryAfter)
    return { kind: 'unavailable', after: Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : 0 }
  }
  return { kind: 'unreadable', message: `The server answered with status ${status}.` }
}

/** tRPC hands tracked messages over together with their id. */
function untracked(data: unknown): unknown {
  return typeof data === 'object' && data !== null && 'id' in data && 'data' in data ? data.data : data
}

function linked(signal: AbortSignalLike): { readonly signal: AbortSignal; abort(): void; release(): void } {
  const controller = new AbortController()
  const abort = (): void => controller.abort()
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  return { signal: controller.signal, abort, release: () => signal.removeEventListener('abort', abort) }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
