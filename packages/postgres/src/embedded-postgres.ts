import { accessSync, constants, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { SUPERUSER, initialiseCluster, launchPostmaster, readPassword } from './cluster.ts'
import { EmbeddedPostgresError, fileErrorToFailure } from './errors.ts'
import { findFreePort, isPortFree } from './free-port.ts'
import { type Layout, layoutOf } from './layout.ts'
import { type Postmaster, findPostmaster, shutDown, waitUntil } from './postmaster.ts'
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

/** What a start is busy with; `joined` means that a server was running here already. */
export type EmbeddedPostgresStep = 'initialising' | 'starting' | 'ready' | 'joined'

export interface EmbeddedPostgres {
  /** Connection URL with user, password and the database `postgres`. */
  readonly url: string
  readonly port: number
  /** The postmaster's process id; for tests that kill it. */
  readonly pid: number
  /** `false` where the server was started by something else: `stop` then leaves it running. */
  readonly owned: boolean
  /**
   * Leaves the server. The last user's leaving shuts it down: fast, and after 10 s immediately, then killed.
   * Calling it again does nothing.
   */
  stop(): Promise<void>
}

const START_PATIENCE_MS = 60_000

let seats = 0

/**
 * Starts a real Postgres in `directory`, or joins the one that runs there.
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
        return join(layout, running, isOurs(layout, running.pid), options)
      }
      if (options.port !== undefined && !(await isPortFree(options.port)))
        throw new EmbeddedPostgresError(
          'port-taken',
          `Port ${options.port} is taken by another program: stop it, or choose another port for Postgres.`,
        )
      progress('initialising')
      await initialiseCluster(layout, { durable: options.persistent })
      progress('starting')
      const launched = await launch(layout, options)
      progress('ready')
      return join(layout, launched, true, options)
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
async function findJoinable(layout: Layout): Promise<Postmaster | undefined> {
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
  // A crash leaves the file behind; with its number given to another program, Postgres would refuse to start.
  if (postmaster === undefined) rmSync(`${layout.data}/postmaster.pid`, { force: true })
  return postmaster
}

function isOurs(layout: Layout, pid: number): boolean {
  try {
    return Number(readFileSync(layout.launched, 'utf8')) === pid
  } catch {
    return false
  }
}

async function launch(layout: Layout, options: EmbeddedPostgresOptions): Promise<{ pid: number; port: number }> {
  const deadline = Date.now() + START_PATIENCE_MS
  for (;;) {
    const port = options.port ?? (await findFreePort())
    try {
      const { pid } = await launchPostmaster(layout, port, options.flags ?? [])
      writeFileSync(layout.launched, `${pid}\n`)
      return { pid, port }
    } catch (error) {
      const again =
        error instanceof EmbeddedPostgresError &&
        // Someone was faster on a port that nobody asked for.
        ((error.kind === 'port-taken' && options.port === undefined) ||
          // The backends of a killed postmaster need a moment to notice.
          error.message.includes('pre-existing shared memory block'))
      if (!again || Date.now() > deadline) throw error
    }
    await waitUntil(() => false, 100)
  }
}

function join(
  layout: Layout,
  server: { pid: number; port: number },
  owned: boolean,
  options: EmbeddedPostgresOptions,
): EmbeddedPostgres {
  const url = `postgres://${SUPERUSER}:${readPassword(layout)}@127.0.0.1:${server.port}/postgres`
  const handle = { url, port: server.port, pid: server.pid, owned }
  if (!owned) return { ...handle, stop: () => Promise.resolve() }
  seats += 1
  const entry = joinUsers(layout, seats)
  const watchdog = startWatchdog(layout, basename(entry), !options.persistent)
  let stopping: Promise<void> | undefined
  return { ...handle, stop: () => (stopping ??= leave(layout, entry, options).finally(() => watchdog.dismiss())) }
}

async function leave(layout: Layout, entry: string, options: EmbeddedPostgresOptions): Promise<void> {
  await withLock(layout, 20_000, async () => {
    leaveUsers(entry)
    if (countUsers(layout) > 0) return
    const postmaster = findPostmaster(layout.data)
    if (postmaster !== undefined && isOurs(layout, postmaster.pid)) await shutDown(postmaster.pid)
    if (!options.persistent) rmSync(layout.directory, { recursive: true, force: true })
  })
}
