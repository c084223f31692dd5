import {
  historyRequest,
  liveRequest,
  pullRequest,
  queryRequest,
  stateRequest,
  type LiveMessage,
  type Principal,
  type PullReply,
  type PullRequest,
  type QueryReply,
  type StateReply,
} from '@tidemark/core'
import { initTRPC, tracked, TRPCError, type TrackedEnvelope } from '@trpc/server'
import type { Verified } from '../auth/verifier.ts'
import { errorFields, type Logger } from '../logger.ts'
import type { Pipeline } from '../pipeline/create-pipeline.ts'
import { readQuery, type QueryOptions } from '../query/read-query.ts'
import { readState, type StateOptions } from '../query/read-state.ts'
import type { DeviceNotes } from './device-notes.ts'
import type { Feed } from './feed.ts'
import { readHistory, type HistoryOptions } from './history.ts'
import { liveMessages, type LiveOptions } from './live.ts'
import type { PullGate } from './pull-gate.ts'
import { answerPush, pushEnvelope, unsentAfter } from './push.ts'
import type { StreamCount } from './stream-count.ts'
import { MalformedRequest, wireInput } from './wire-input.ts'

/** What one HTTP request brings along. */
export interface CallContext {
  readonly verified: Verified
  /** Whether the caller has requests left. */
  readonly admitted: boolean
  /** Ends the connection. */
  readonly cut: () => void
}

export interface RouterOptions {
  readonly pipeline: Pipeline
  readonly feed: Feed
  readonly history: HistoryOptions
  readonly query: QueryOptions
  readonly state: StateOptions
  readonly live: LiveOptions
  readonly streams: StreamCount
  readonly pulls: PullGate
  readonly devices: DeviceNotes
  readonly logger: Logger
  readonly now: () => number
}

/** What callers are told of an error: its code. Messages of ours, never those of what was thrown. */
const MESSAGES: Partial<Record<TRPCError['code'], string>> = {
  BAD_REQUEST: 'The request does not match the protocol.',
  PARSE_ERROR: 'The request is not JSON.',
  UNAUTHORIZED: 'A valid token is needed.',
  FORBIDDEN: 'This is not allowed.',
  NOT_FOUND: 'There is no such procedure.',
  METHOD_NOT_SUPPORTED: 'The procedure takes another HTTP method.',
  PAYLOAD_TOO_LARGE: 'The request is too large.',
  UNSUPPORTED_MEDIA_TYPE: 'Requests are application/json, uncompressed.',
  TOO_MANY_REQUESTS: 'Too many requests. Come back a little later.',
}
const SOMETHING = 'Something went wrong on the server.'

export function errorMessage(code: TRPCError['code']): string {
  return MESSAGES[code] ?? SOMETHING
}

const READ_RETRY_MS = 1_000

/** The procedures of the sync protocol. Replies are the shapes of core's wire, exactly. */
export function createSyncRouter(options: RouterOptions) {
  const { pipeline, feed, streams, pulls, devices, logger, now } = options
  const t = initTRPC.context<CallContext>().create({
    isDev: false,
    errorFormatter: ({ shape, error }) => ({
      message: errorMessage(error.code),
      code: shape.code,
      data: {
        code: error.code,
        httpStatus: shape.data.httpStatus,
        ...(error.cause instanceof MalformedRequest ? { issues: error.cause.issues } : {}),
      },
    }),
  })
  const authenticated = t.procedure.use(({ ctx, next }) => {
    if (ctx.verified.kind !== 'principal') throw new TRPCError({ code: 'UNAUTHORIZED' })
    if (!ctx.admitted) throw new TRPCError({ code: 'TOO_MANY_REQUESTS' })
    return next({ ctx: { principal: ctx.verified.principal, expiresAt: ctx.verified.expiresAt } })
  })

  const pull = async (principal: Principal, request: PullRequest): Promise<PullReply> => {
    const { device, unsent } = request
    const reply = await feed.pull(principal, request)
    if (unsent !== undefined) devices.seen(principal, device, unsent)
    // An installation that knows nothing may be what is left of one that did.
    if (request.cursor !== null || reply.kind !== 'page') return reply
    const elsewhere = await devices.elsewhere(principal, device)
    return elsewhere.length === 0 ? reply : { ...reply, elsewhere: [...elsewhere] }
  }

  async function* live(
    principal: Principal,
    session: Omit<Parameters<typeof liveMessages>[1], 'principal'>,
  ): AsyncGenerator<LiveMessage | TrackedEnvelope<LiveMessage>, void> {
    const leave = streams.take(principal)
    if (leave === undefined) throw new TRPCError({ code: 'TOO_MANY_REQUESTS' })
    try {
      for await (const message of liveMessages(options.live, { principal, ...session })) {
        // Only pages move a resumed stream on.
        yield message.kind === 'page' ? tracked(message.cursor, message) : message
      }
    } finally {
      leave()
    }
  }

  return t.router({
    sync: t.router({
      push: authenticated.input(wireInput(pushEnvelope)).mutation(async ({ ctx, input }) => {
        if (input.kind === 'upgrade') return input
        const { request } = input
        const reply = await answerPush(pipeline, ctx.principal, request, now)
        const unsent = unsentAfter(request, reply)
        if (unsent !== undefined) devices.seen(ctx.principal, request.device, unsent)
        return reply
      }),
      pull: authenticated.input(wireInput(pullRequest)).mutation(async ({ ctx, input }): Promise<PullReply> => {
        if (input.kind === 'upgrade') return input
        try {
          return await pulls.pass(() => pull(ctx.principal, input.request))
        } catch (error) {
          logger.error('a pull failed', errorFields(error))
          return { kind: 'retry', after: READ_RETRY_MS, reason: 'unavailable' }
        }
      }),
      live: authenticated.input(wireInput(liveRequest)).subscription(async function* ({ ctx, input, signal }) {
        if (input.kind === 'upgrade') {
          yield input
          return
        }
        const { principal, expiresAt, cut } = ctx
        const gone = signal ?? new AbortController().signal
        yield* live(principal, { expiresAt, request: input.request, gone, cut })
      }),
    }),
    query: authenticated.input(wireInput(queryRequest)).mutation(async ({ ctx, input }): Promise<QueryReply> => {
      if (input.kind === 'upgrade') return input
      try {
        return await readQuery(options.query, ctx.principal, input.request)
      } catch (error) {
        logger.error('a query failed', { query: input.request.query, ...errorFields(error) })
        return { kind: 'retry', after: READ_RETRY_MS, reason: 'unavailable' }
      }
    }),
    state: authenticated.input(wireInput(stateRequest)).mutation(async ({ ctx, input }): Promise<StateReply> => {
      if (input.kind === 'upgrade') return input
      try {
        return await readState(options.state, ctx.principal, input.request)
      } catch (error) {
        logger.error('a read of a state failed', errorFields(error))
        return { kind: 'retry', after: READ_RETRY_MS, reason: 'unavailable' }
      }
    }),
    history: authenticated.input(wireInput(historyRequest)).mutation(async ({ ctx, input }) => {
      if (input.kind === 'upgrade') return input
      return readHistory(options.history, ctx.principal, input.request)
    }),
  })
}

export type SyncRouter = ReturnType<typeof createSyncRouter>
