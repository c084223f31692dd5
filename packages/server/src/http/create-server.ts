import { randomInt } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { TENANT_SCOPE, WIRE_LIMITS, type Domain, type Principal } from '@tidemark/core'
import { openReactionTools, type Projections } from '@tidemark/projections'
import { createAggregateLoader, createDevices, createSnapshots, type PostgresStore } from '@tidemark/store'
import fastify from 'fastify'
import type { DevIssuer } from '../auth/dev-issuer.ts'
import { createStanding, type AccountOf } from '../auth/standing.ts'
import type { Verifier } from '../auth/verifier.ts'
import { errorFields, stderrLogger, type Logger } from '../logger.ts'
import { createPipeline, type Pipeline, type PipelineOptions } from '../pipeline/create-pipeline.ts'
import { createStreamStates } from '../pipeline/stream-states.ts'
import { createQueryCache } from '../query/query-cache.ts'
import type { QueryOptions } from '../query/read-query.ts'
import { createSealer, type SealKey } from '../seal.ts'
import { createDeviceNotes } from '../sync/device-notes.ts'
import { createFeed } from '../sync/feed.ts'
import { createLaneWatch } from '../sync/lane-watch.ts'
import { LIVE_TIMES, type LiveTimes } from '../sync/live.ts'
import { createPullGate } from '../sync/pull-gate.ts'
import { createSyncRouter } from '../sync/router.ts'
import { createStreamCount } from '../sync/stream-count.ts'
import { addDevRoutes } from './dev-routes.ts'
import { codeOfStatus, sendError } from './errors.ts'
import { readMetrics } from './metrics.ts'
import { readReactionMetrics } from './reaction-metrics.ts'
import { readSqlMetrics } from './sql-metrics.ts'
import { createReadiness } from './readiness.ts'
import { addSecurityHeaders, isCrossSite } from './security-headers.ts'
import { addStaticFiles, answerUnknown, isApiPath } from './static-files.ts'
import { createRateLimiter, type RateLimit } from './token-bucket.ts'
import { addTrpcRoute } from './trpc-route.ts'

export interface ServerLimits {
  /** Bytes of a request's body. Default 1 MiB, which clients know as `WIRE_LIMITS.bodyBytes`. */
  readonly bodyBytes: number
  /** Live streams of one principal at a time. Default 20. */
  readonly streamsPerPrincipal: number
  /** Pulls that are answered at a time; more are told to come back. Default 100. */
  readonly pullsAtOnce: number
  /** Requests of one principal. Default 300 at once, 100 a second. */
  readonly rate: RateLimit
  readonly live: LiveTimes
}

export interface SyncServerOptions {
  readonly domain: Domain
  readonly store: PostgresStore
  /** Whether its worker runs in this process is the caller's choice. */
  readonly projections: Projections
  readonly verifier: Verifier
  /** Opens `/dev/accounts` and `/dev/sign-in`. Leave it out where real data is. */
  readonly devIssuer?: DevIssuer
  /**
   * What an account may do now. With it, rights that are taken away are gone within seconds, whatever tokens say, and rows
   * that nobody may see any more leave the devices; without it, a token's claims hold until it expires.
   */
  readonly accountOf?: AccountOf
  /** The scopes a principal may see. Default: the whole tenant. */
  readonly scopesOf?: (principal: Principal) => readonly string[]
  /** Reads of SQL projections, by the name of their queries. */
  readonly queries?: NonNullable<QueryOptions['queries']>
  /** A built web app, served beside the API. */
  readonly staticDirectory?: string
  readonly sealKeys: readonly SealKey[]
  /**
   * Opens `/metrics`, in the text format of Prometheus, to whoever can reach the port: it tells how much is going on in every
   * lane. Default false.
   */
  readonly metrics?: boolean
  /** Other origins whose pages may call, such as `https://app.example.com`. Default: none but the server's own. */
  readonly origins?: readonly string[]
  readonly limits?: Partial<ServerLimits>
  readonly pipeline?: Pick<PipelineOptions, 'cacheSize' | 'clock' | 'maxInFlight'>
  readonly logger?: Logger
  readonly now?: () => number
}

export interface SyncServer {
  /**
   * Handles a request of somebody else's HTTP server, connect style. What is not the server's own is handed to `next`,
   * where there is one.
   */
  handle(request: IncomingMessage, response: ServerResponse, next?: () => void): void
  /** Rejects where the port is taken or not allowed. Port 0 takes a free one. */
  listen(address: { readonly port: number; readonly host?: string }): Promise<{ readonly url: string }>
  /** Sends streams away, lets requests finish, and ends within 4 s. Store and projections stay open. */
  close(): Promise<void>
  /** An account is another than before, or gone: asked for again at once, here. Other nodes see it within seconds. */
  accountChanged(account: Pick<Principal, 'tenant' | 'id'>): void
  readonly pipeline: Pipeline
}

/** Requests under way get so long to finish, then their connections go. */
const DRAIN_MS = 2_000
const CLOSE_MS = 1_500
const NOTES_MS = 400
/** States kept for reads from the write model. */
const STATES_READ = 500
/** A request has to have arrived within it; streams are answers and may take for ever. */
const REQUEST_MS = 30_000

/**
 * The sync service over HTTP: tRPC under `/trpc`, `/livez`, `/readyz`, and the built app where one is given.
 *
 * @throws TypeError on seal keys that are not usable.
 */
export async function createSyncServer(options: SyncServerOptions): Promise<SyncServer> {
  const { domain, store, projections } = options
  const now = options.now ?? Date.now
  const logger = options.logger ?? stderrLogger
  const scopesOf = options.scopesOf ?? (() => [TENANT_SCOPE])
  const limits: ServerLimits = {
    bodyBytes: WIRE_LIMITS.bodyBytes,
    streamsPerPrincipal: 20,
    pullsAtOnce: 100,
    rate: { burst: 300, perSecond: 100 },
    live: LIVE_TIMES,
    ...options.limits,
  }
  const origins = new Set(options.origins ?? [])
  const sealer = createSealer(options.sealKeys)
  const loader = createAggregateLoader({
    store,
    domain,
    snapshots: createSnapshots(store.tenantSql()),
    onProblem: ({ cause }) => logger.warn('a snapshot could not be used or stored', errorFields(cause)),
  })
  const pipeline = createPipeline({
    ...options.pipeline,
    domain,
    store,
    loader,
    now,
    logger,
    sealToken: sealer.token,
    retryAfterMs: async (tenant) => projections.retryAfterMs(await store.laneOf(tenant)),
  })
  const stopping = new AbortController()
  const watch = createLaneWatch({ store, projections, logger })
  const feed = createFeed({ domain, store, projections, sealer, scopesOf, now })
  const devices = createDeviceNotes({ devices: createDevices(store.tenantSql()), now, logger })
  const streams = createStreamCount(limits.streamsPerPrincipal)
  const standing = createStanding({ accountOf: options.accountOf, now, logger })
  const readiness = createReadiness({ store, projections, logger, now, isDraining: () => stopping.signal.aborted })
  const limiter = createRateLimiter(limits.rate, now)
  /** Streams there were when they were sent away: they go one by one, and are spread as the crowd they were. */
  let sentAway = 0
  const random = (): number => randomInt(0, 1_000_000) / 1_000_000
  // The pipeline's own states follow what it appends; those of reads are checked against the log at every read.
  const states = createStreamStates({ domain, store, loader, size: STATES_READ })
  const reads = { domain, store, projections, sealer, scopesOf }
  const router = createSyncRouter({
    pipeline,
    feed,
    query: { ...reads, queries: options.queries, cache: createQueryCache() },
    state: { ...reads, states },
    history: { domain, store, projections, scopesOf },
    live: {
      feed,
      watch,
      standing,
      logger,
      now,
      random,
      times: limits.live,
      open: () => Math.max(streams.open, sentAway),
      stopping: stopping.signal,
    },
    streams,
    pulls: createPullGate(limits.pullsAtOnce, random),
    devices,
    logger,
    now,
  })

  const app = fastify({
    logger: false,
    bodyLimit: limits.bodyBytes,
    requestTimeout: REQUEST_MS,
    // Node waits for open streams for ever.
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 1_000 },
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  addSecurityHeaders(app)

  let underWay = 0
  let onIdle: (() => void) | undefined
  app.addHook('onRequest', async (request, reply) => {
    underWay += 1
    reply.raw.once('close', () => {
      underWay -= 1
      if (underWay === 0) onIdle?.()
    })
    if (!isApiPath(request.url)) return undefined
    return isCrossSite(request, origins) ? sendError(reply, 'FORBIDDEN') : undefined
  })
  app.setErrorHandler<Error & { statusCode?: number }>((error, _request, reply) => {
    const code = codeOfStatus(error.statusCode)
    if (code === 'INTERNAL_SERVER_ERROR') logger.error('a request failed', errorFields(error))
    return sendError(reply, code)
  })

  app.get('/livez', async (_request, reply) => reply.header('cache-control', 'no-store').send({ alive: true }))
  app.get('/readyz', async (_request, reply) => {
    const reasons = await readiness.check()
    return reply
      .code(reasons.length === 0 ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({ ready: reasons.length === 0, reasons })
  })
  if (options.metrics === true) {
    app.get('/metrics', async (_request, reply) =>
      reply
        .header('cache-control', 'no-store')
        .type('text/plain; version=0.0.4; charset=utf-8')
        .send(
          (
            await Promise.all([
              readMetrics(projections),
              readReactionMetrics(openReactionTools(store)),
              options.queries === undefined ? '' : readSqlMetrics(options.queries.from),
            ])
          ).join(''),
        ),
    )
  }
  addTrpcRoute(app, { router, verifier: options.verifier, standing, limiter, logger })
  if (options.devIssuer !== undefined) addDevRoutes(app, options.devIssuer)
  const hasApp = options.staticDirectory !== undefined
  if (options.staticDirectory !== undefined) await addStaticFiles(app, options.staticDirectory)
  app.setNotFoundHandler((request, reply) => answerUnknown(request, reply, hasApp))
  await app.ready()

  const idle = (): Promise<void> =>
    new Promise((resolve) => {
      if (underWay === 0) return resolve()
      const timer = setTimeout(resolve, DRAIN_MS)
      onIdle = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    // Readiness first: whoever balances load sends nothing new while streams are sent away.
    sentAway = streams.open
    stopping.abort()
    await idle()
    // The store is closed next.
    await atMost(NOTES_MS, devices.written())
    watch.close()
    await atMost(CLOSE_MS, app.close())
  }

  return {
    pipeline,
    accountChanged: standing.changed,
    handle: (request, response, next) => {
      if (next !== undefined && !hasApp && !isApiPath(request.url ?? '/')) next()
      else app.routing(request, response)
    },
    listen: async ({ port, host = 'localhost' }) => {
      await app.listen({ port, host })
      const address = app.server.address()
      const bound = typeof address === 'object' && address !== null ? address.port : port
      return { url: `http://${host.includes(':') ? `[${host}]` : host}:${String(bound)}` }
    },
    close: () => (closing ??= close()),
  }
}

async function atMost(ms: number, work: PromiseLike<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([work, limit])
  clearTimeout(timer)
}
