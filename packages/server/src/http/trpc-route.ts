import { fastifyRequestHandler } from '@trpc/server/adapters/fastify'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Standing } from '../auth/standing.ts'
import type { Verified, Verifier } from '../auth/verifier.ts'
import { errorFields, type Logger } from '../logger.ts'
import type { CallContext, SyncRouter } from '../sync/router.ts'
import { sendError } from './errors.ts'
import type { RateLimiter } from './token-bucket.ts'

export interface TrpcRouteOptions {
  readonly router: SyncRouter
  readonly verifier: Verifier
  readonly standing: Standing
  readonly limiter: RateLimiter
  readonly logger: Logger
}

/** Calls in one batched request. The client batches nothing; tools may a little. */
const MAX_BATCH = 10

/**
 * The tRPC router under `/trpc`. Who calls and whether they may call again is settled before a body is read. Streams
 * (GET) are let through to tRPC with the verdict, since an `EventSource` hears of an error only inside the stream.
 */
export function addTrpcRoute(app: FastifyInstance, options: TrpcRouteOptions): void {
  const { router, verifier, standing, limiter, logger } = options
  const contexts = new WeakMap<FastifyRequest, CallContext>()

  const whoCalls = async (authorization: string | undefined): Promise<Verified> => {
    const verified = await verifier(authorization)
    if (verified.kind === 'unauthenticated') return verified
    const principal = await standing.of(verified.principal)
    return principal === undefined ? { kind: 'unauthenticated', reason: 'no-account' } : { ...verified, principal }
  }

  const admit = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const verified = await whoCalls(request.headers.authorization)
    const { path } = request.params as { readonly path: string }
    const wait = limiter.take(callerOf(verified, request), path.split(',').length)
    contexts.set(request, { verified, admitted: wait === 0, cut: () => void reply.raw.destroy() })
    if (request.method === 'GET') return undefined
    if (wait > 0) {
      reply.header('retry-after', String(Math.ceil(wait / 1_000)))
      return sendError(reply, 'TOO_MANY_REQUESTS')
    }
    if (verified.kind === 'unauthenticated') {
      logger.info('a request without a valid token', { reason: verified.reason })
      reply.header('www-authenticate', 'Bearer')
      return sendError(reply, 'UNAUTHORIZED')
    }
    // Fastify inflates nothing, so a compressed body would only be unreadable: say so instead.
    const encoding = request.headers['content-encoding']
    if (encoding !== undefined && encoding !== 'identity') return sendError(reply, 'UNSUPPORTED_MEDIA_TYPE')
    return undefined
  }

  app.route({
    method: ['GET', 'POST'],
    url: '/trpc/:path',
    onRequest: async (request, reply) => {
      reply.header('cache-control', 'no-store')
      const stopped = await admit(request, reply)
      if (stopped !== undefined) return stopped
      return undefined
    },
    handler: async (request, reply) => {
      const { path } = request.params as { readonly path: string }
      await fastifyRequestHandler<SyncRouter, FastifyRequest, FastifyReply>({
        req: request,
        res: reply,
        path,
        router,
        maxBatchSize: MAX_BATCH,
        createContext: (): CallContext =>
          contexts.get(request) ?? {
            verified: { kind: 'unauthenticated', reason: 'missing' },
            admitted: false,
            cut: () => {},
          },
        onError: ({ error, path: procedure }) => {
          if (error.code !== 'INTERNAL_SERVER_ERROR') return
          logger.error('a procedure failed', { procedure: procedure ?? '', ...errorFields(error.cause ?? error) })
        },
      })
      return reply
    },
  })
}

/** Those who are not known share their address's bucket. */
function callerOf(verified: Verified, request: FastifyRequest): string {
  return verified.kind === 'principal' ? `${verified.principal.tenant}\n${verified.principal.id}` : request.ip
}
