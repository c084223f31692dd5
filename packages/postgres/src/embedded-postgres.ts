import { accessSync, constants, existsSync, mkdirSync, realpathSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { SUPERUSER, initialiseCluster, readPassword } from './cluster.ts'
import { EmbeddedPostgresError, fileErrorToFailure } from './errors.ts'
import { isPortFree } from './free-port.ts'
import { type Layout, layoutOf } from './layout.ts'
import { findPostmaster, shutDown, waitUntil } from './postmaster.ts'
import { Server } from './server.ts'
import { countUsers, joinUsers, leaveUsers, withLock } from './users.ts'
import { startWatchdog } from './watchdog.ts'

export interface EmbeddedPostgresOptions {
  /** Holds the data, the password (0600) and the log. Made where it is missing. */
  readonly directory: string
  /** Port on 127.0.0.1; a free one is chosen when it is left out. Ignored when a running server is joined. */
  readonly port?: number
  /** `false`: everything in `directory` is removed when the last user leaves. */
  readonly persistent: boolean
  /** More arguments for `postgres`, such as `['-c', 'wal_level=logical']`. `fsync` stays on unless one says otherwise. */
  readonly flags?: readonly string[]
  readonly onProgress?: (step: EmbeddedPostgresStep) => void
}

/**
 * What the server is busy with. `joined`: one was running here already. `restarting`: it died without being asked to
 * and is started again; `lost`: that failed, and it stays down.
 */
export type EmbeddedPostgresStep = 'initialising' | 'starting' | 'ready' | 'joined' | 'restarting' | 'lost'

export interface EmbeddedPostgres {
  /** Connection URL with user, password and the database `postgres`. */
  readonly url: string
  readonly port: number
  /** The postmaster's process id now; another one after a restart. For tests that kill it. */
  readonly pid: number
  /** `false` where the server was started by something else: `stop` then leaves it running. */
  readonly owned: boolean
  /**
   * Leaves the server. The last user's leaving shuts it down: fast, after 10 s immediately, then by SIGKILL.
   * Calling it again does nothing.
   */
  stop(): Promise<void>
}

const START_PATIENCE_MS = 60_000

/** Tells this process's own uses of a server apart. */
let seats = 0

/**
 * Starts a real Postgres in `directory`, or joins the one that runs there. A server that dies is started again on its
 * port, as long as the process that started it is there.
 *
 * A process that ends without `stop`, by SIGKILL too, counts as having left. No signal handlers are installed: in which
 * order a program shuts down is its own affair.
 *
 * @throws {EmbeddedPostgresError} when it cannot; `kind` says why and the message is made for people.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const layout = prepareDirectory(options.directory)
  const progress = options.onProgress ?? (() => undefined)
  try {
    return await withLock(layout, START_PATIENCE_MS, async () => {
      const running = await findJoinable(layout)
      if (running !== undefined) {
        progress('joined')
        return takeSeat(layout, running, options)
      }
      if (options.port !== undefined && !(await isPortFree(options.port)))
        throw new EmbeddedPostgresError(
          'port-taken',
          `Port ${options.port} is taken by another program: stop it, or choose another port for Postgres.`,
        )
      if (!existsSync(layout.data)) {
        progress('initialising')
        await initialiseCluster(layout, { durable: options.persistent })
      }
      progress('starting')
      const flags = options.flags ?? []
      const server = await Server.launch(layout, { flags, port: options.port, onProgress: progress }, START_PATIENCE_MS)
      progress('ready')
      return takeSeat(layout, server, options)
    })
  } catch (error) {
    throw fileErrorToFailure(error, layout.directory)
  }
}

function prepareDirectory(directory: string): Layout {
  try {
    mkdirSync(directory, { recursive: true })
    accessSync(directory, constants.W_OK | constants.X_OK)
    return layoutOf(realpathSync(directory))
  } catch (error) {
    throw fileErrorToFailure(error, directory)
  }
}

/** A server to join, after waiting for one that is on its way up or down. */
async function findJoinable(layout: Layout): Promise<Server | undefined> {
  const settled = () => {
    const status = findPostmaster(layout.data)?.status
    return status === undefined || status === 'ready'
  }
  if (!(await waitUntil(settled, START_PATIENCE_MS)))
    throw new EmbeddedPostgresError(
      'failed',
      `A Postgres in ${layout.data} (process ${findPostmaster(layout.data)?.pid ?? '?'}) is neither starting nor stopping: end it and start again.`,
    )
  const postmaster = findPostmaster(layout.data)
  if (postmaster !== undefined) return Server.found(layout, postmaster)
  // A crash leaves the file behind; with its number given to another program, Postgres would refuse to start.
  rmSync(join(layout.data, 'postmaster.pid'), { force: true })
  return undefined
}

function takeSeat(layout: Layout, server: Server, options: EmbeddedPostgresOptions): EmbeddedPostgres {
  const { port, owned } = server
  const handle = {
    url: `postgres://${SUPERUSER}:${readPassword(layout)}@127.0.0.1:${port}/postgres`,
    port,
    owned,
    get pid() {
      return server.pid
    },
  }
  if (!owned) return Object.assign(handle, { stop: () => Promise.resolve() })
  seats += 1
  const seat = joinUsers(layout, seats)
  const watchdog = startWatchdog(layout, basename(seat), !options.persistent)
  let stopping: Promise<void> | undefined
  const stop = async () => {
    server.abandon()
    await withLock(layout, START_PATIENCE_MS, () => leave(layout, seat, options))
    watchdog.dismiss()
  }
  return Object.assign(handle, { stop: () => (stopping ??= stop()) })
}

async function leave(layout: Layout, seat: string, options: EmbeddedPostgresOptions): Promise<void> {
  leaveUsers(seat)
  if (countUsers(layout) > 0) return
  const postmaster = findPostmaster(layout.data)
  if (postmaster !== undefined && Server.found(layout, postmaster).owned) await shutDown(postmaster.pid)
  if (!options.persistent) rmSync(layout.directory, { recursive: true, force: true })
}
