import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { openProjections, openReactions, type Projections, type Reactions } from '@tidemark/projections'
import {
  createDevIssuer,
  createSyncServer,
  readOrMakeSealKey,
  stderrLogger,
  type DevAccount,
  type DevIssuer,
  type Logger,
  type SealKey,
  type SyncServerOptions,
} from '@tidemark/server'
import { openStore, type PostgresStore, type StoreOptions } from '@tidemark/store'
import { depot, ReserveStock } from '../domain/index.ts'
import { DEMO_ACCOUNTS } from './accounts.ts'
import { depotArchive } from './depot-archive.ts'
import { openReports, type Reports } from './reports/open-reports.ts'
import { logAlert } from './log-alert.ts'

export interface DepotOptions {
  readonly databaseUrl: string
  /** Holds the keys that sign development tokens and seal cursors (made the first time, owner-only), and the archive. */
  readonly directory: string
  /** Who may sign in without a password. Default: {@link DEMO_ACCOUNTS}. */
  readonly accounts?: readonly DevAccount[]
  /** Default: a key in `directory`. */
  readonly sealKeys?: readonly SealKey[]
  /** The built web app, served beside the API. Left out: the API only. */
  readonly staticDirectory?: string
  readonly limits?: NonNullable<SyncServerOptions['limits']>
  readonly store?: Omit<StoreOptions, 'url'>
  readonly logger?: Logger
  readonly now?: () => number
}

/** The depot's server with everything it stands on. */
export interface Depot {
  readonly store: PostgresStore
  readonly projections: Projections
  /** What the server does by itself: stock follows orders. */
  readonly reactions: Reactions
  /** What answers queries: search, revenue, stock. */
  readonly reports: Reports
  readonly issuer: DevIssuer
  /** Handles a request of another HTTP server; what is not the depot's goes to `next`. */
  handle(request: IncomingMessage, response: ServerResponse, next?: () => void): void
  /** Port 0 takes a free one. Rejects where the port is taken or not allowed. */
  listen(address: { readonly port: number; readonly host?: string }): Promise<{ readonly url: string }>
  /** Waits until the lists hold all that the log holds now; `false` where that took longer. */
  caughtUp(tenant: string, timeoutMs: number): Promise<boolean>
  /** Sends everybody away and lets the database go; takes at most 10 s, and some milliseconds as a rule. */
  close(): Promise<void>
}

/**
 * Opens store, projections and server on a database and brings its schema up to date. Nothing listens yet, and no demo
 * data is loaded.
 *
 * @throws StoreOpenError, MigrationError, DatabaseError
 */
export async function createDepot(options: DepotOptions): Promise<Depot> {
  const logger = options.logger ?? stderrLogger
  const keys = join(options.directory, 'keys')
  const issuer = await createDevIssuer({ directory: keys, accounts: options.accounts ?? DEMO_ACCOUNTS })
  const sealKeys = options.sealKeys ?? [await readOrMakeSealKey(keys)]
  const store = await openStore({
    applicationName: 'depot',
    archive: depotArchive(options.directory),
    onNewEpoch: ({ reason }) =>
      logger.warn('the log was put back: devices fetch their lists anew, and offer again what they have kept', {
        reason,
      }),
    ...options.store,
    url: options.databaseUrl,
  })
  try {
    const projections = await openProjections({
      store,
      domain: depot,
      onError: (error) => logger.error('a projection is being retried', { error: String(error).slice(0, 200) }),
      onAlert: (alert) => logAlert(logger, alert),
    })
    const reports = await openReports(store, logger)
    const server = await createSyncServer({
      domain: depot,
      store,
      projections,
      queries: { from: reports.projections, handlers: reports.handlers },
      verifier: issuer.verifier,
      devIssuer: issuer,
      sealKeys,
      logger,
      ...(options.staticDirectory === undefined ? {} : { staticDirectory: options.staticDirectory }),
      ...(options.limits === undefined ? {} : { limits: options.limits }),
      ...(options.now === undefined ? {} : { now: options.now }),
    })
    const reactions = await openReactions({
      store,
      domain: depot,
      reactions: [ReserveStock],
      push: server.pipeline.push,
      onError: (error) => logger.error('a reaction is being retried', { error: String(error).slice(0, 200) }),
    })
    projections.start()
    reports.projections.start()
    reactions.start()
    let closing: Promise<void> | undefined
    const close = async (): Promise<void> => {
      // Readers before what they read from.
      await server.close()
      await reactions.close()
      await reports.projections.close()
      await projections.close()
      await store.close()
    }
    return {
      store,
      projections,
      reactions,
      reports,
      issuer,
      handle: (request, response, next) => server.handle(request, response, next),
      listen: (address) => server.listen(address),
      caughtUp: async (tenant, timeoutMs) => {
        const lane = await store.laneOf(tenant)
        const reached = await projections.waitFor({ lane, position: await store.head(lane) }, timeoutMs)
        return reached.kind === 'reached'
      },
      close: () => (closing ??= close()),
    }
  } catch (error) {
    await store.close()
    throw error
  }
}
