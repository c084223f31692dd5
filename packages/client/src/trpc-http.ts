import { httpLink } from '@trpc/client/links/httpLink'
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
import { createEventReader } from './event-stream.ts'
import { createOwnWrites } from './own-writes.ts'
import type { TrpcTransportOptions } from './trpc-transport.ts'

const INACTIVITY = 25_000
const REQUEST = 30_000

/** The transport itself: tRPC over HTTP, and its subscriptions as server-sent events. */
export function openTrpc(options: TrpcTransportOptions): Required<Transport> {
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
    const attempt = linked(signal)
    const giveUp = setTimeout(() => attempt.abort(), options.requestMs ?? REQUEST)
    try {
      const reply = await call({ url: options.url, headers: authorization, fetch: listen }, path, input, attempt.signal)
      return parse<T>(schema, reply)
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
        const connection = linked(signal)
        const end = (result: TransportFailure | { readonly kind: 'ended' }): void => {
          clearTimeout(silence)
          signal.removeEventListener('abort', onAbort)
          connection.release()
          // Of several ends the first counts.
          resolve(result)
          connection.abort()
        }
        const onAbort = (): void => end({ kind: 'ended' })
        let silence: ReturnType<typeof setTimeout> | undefined
        const listen = (): void => {
          clearTimeout(silence)
          silence = setTimeout(
            () => end({ kind: 'unreachable', message: 'The live stream fell silent.' }),
            options.inactivityMs ?? INACTIVITY,
          )
        }
        signal.addEventListener('abort', onAbort, { once: true })
        if (signal.aborted) return onAbort()
        // Any byte is a sign of life, tRPC's own pings too.
        listen()
        follow().then(end, (error: unknown) => end({ kind: 'unreachable', message: messageOf(error) }))

        async function follow(): Promise<TransportFailure | { readonly kind: 'ended' }> {
          const url = `${options.url}/sync.live?input=${encodeURIComponent(JSON.stringify(request))}`
          // Not the browser's own event source: it can send no such header, and a token in a URL ends up in logs.
          const headers = { accept: 'text/event-stream', ...(await authorization()) }
          const response = await fetch(url, { headers, signal: connection.signal, cache: 'no-store' })
          if (!response.ok || response.body === null)
            return statusFailure(response.status, response.headers.get('retry-after'))
          const waiting: LiveEvent[] = []
          const read = createEventReader((event) => {
            const told = readLiveEvent(event.type, event.data)
            if (told !== null) waiting.push(told)
          })
          const decoder = new TextDecoder()
          const reader = response.body.getReader()
          for (;;) {
            listen()
            const { done, value } = await reader.read()
            if (connection.signal.aborted) return { kind: 'ended' }
            if (done) return { kind: 'unreachable', message: 'The live stream broke off.' }
            // What the device takes to store a message is not the server's silence.
            clearTimeout(silence)
            read(decoder.decode(value, { stream: true }))
            for (const told of waiting.splice(0)) {
              if (told.kind !== 'told') return told
              try {
                await onMessage(told.message)
              } catch (error) {
                return { kind: 'unreadable', message: messageOf(error) }
              }
              if (connection.signal.aborted) return { kind: 'ended' }
            }
          }
        }
      }),
  }
}

type LiveEvent =
  | { readonly kind: 'told'; readonly message: LiveMessage }
  | { readonly kind: 'ended' }
  | TransportFailure

/** What an event of tRPC's subscriptions says; `null` where it says nothing: it began, it is alive. */
function readLiveEvent(type: string, data: string): LiveEvent | null {
  switch (type) {
    case 'message': {
      const message = parse<LiveMessage>(liveMessage, readJson(data))
      return message.kind === 'unreadable' ? message : { kind: 'told', message: message as LiveMessage }
    }
    case 'return':
      return { kind: 'ended' }
    case 'serialized-error':
      return toFailure(readJson(data))
    default:
      return null
  }
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * One call through tRPC's own link for single requests. The client that usually stands around it also holds websockets,
 * batches and reconnects, which are twice its size and would never run: trying again is the sync loop's business.
 */
function call(
  link: Parameters<typeof httpLink>[0],
  path: string,
  input: unknown,
  signal: AbortSignal,
): Promise<unknown> {
  const op = { id: 1, type: 'mutation' as const, path, input, context: {}, signal }
  return new Promise((resolve, reject) => {
    httpLink(link)({})({ op, next: () => reject(new Error('There is no link after this one.')) as never }).subscribe({
      next: ({ result }) => resolve('data' in result ? result.data : undefined),
      error: reject,
    })
  })
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

/** `error`: tRPC's, or whatever went wrong. `answered`: what came back before it, also from a proxy that is no tRPC server. */
function toFailure(error: unknown, answered?: Response): TransportFailure {
  const { data } = (error ?? {}) as { readonly data?: { readonly httpStatus?: unknown } | null }
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

function linked(signal: AbortSignalLike): { readonly signal: AbortSignal; abort(): void; release(): void } {
  const controller = new AbortController()
  const abort = (): void => controller.abort()
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  return { signal: controller.signal, abort, release: () => signal.removeEventListener('abort', abort) }
}

function messageOf(error: unknown): string {
  const message = (error as { readonly message?: unknown } | null)?.message
  return typeof message === 'string' ? message : String(error)
}
