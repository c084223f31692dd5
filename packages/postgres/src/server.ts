import type { ChildProcess } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { launchPostmaster } from './cluster.ts'
import { EmbeddedPostgresError } from './errors.ts'
import { findFreePort } from './free-port.ts'
import type { Layout } from './layout.ts'
import { type Postmaster, findPostmaster, waitUntil } from './postmaster.ts'
import { withLock } from './users.ts'

export interface ServerOptions {
  readonly port: number | undefined
  readonly flags: readonly string[]
  readonly onProgress: (step: 'restarting' | 'ready' | 'lost') => void
}

/** How long a server that died is tried to be started again; a full disk or a hungry neighbour may pass. */
const RESTART_PATIENCE_MS = 60_000

/** A running postmaster. The process that launched it also keeps it running. */
export class Server {
  readonly port: number
  /** `launched.pid` names it, so it was started by this package and the last user ends it. */
  readonly owned: boolean
  #pid: number
  #kept = false

  private constructor(postmaster: { pid: number; port: number }, owned: boolean) {
    this.#pid = postmaster.pid
    this.port = postmaster.port
    this.owned = owned
  }

  static found(layout: Layout, postmaster: Postmaster): Server {
    return new Server(postmaster, launchedPid(layout) === postmaster.pid)
  }

  /** @throws {EmbeddedPostgresError} */
  static async launch(layout: Layout, options: ServerOptions, patienceMs: number): Promise<Server> {
    const launched = await launchPatiently(layout, options, patienceMs)
    const server = new Server(launched, true)
    server.#kept = true
    server.#keep(layout, options, launched.process)
    return server
  }

  get pid(): number {
    return this.#pid
  }

  /** From here on it may die in peace. */
  abandon(): void {
    this.#kept = false
  }

  #keep(layout: Layout, options: ServerOptions, child: ChildProcess): void {
    child.once('exit', () => {
      if (this.#kept) void this.#restart(layout, options)
    })
  }

  async #restart(layout: Layout, options: ServerOptions): Promise<void> {
    options.onProgress('restarting')
    try {
      const launched = await withLock(layout, RESTART_PATIENCE_MS, async () => {
        // It was stopped while this waited, or another user of the directory was faster.
        if (!this.#kept || findPostmaster(layout.data) !== undefined) return undefined
        return launchPatiently(layout, { ...options, port: this.port, isRestart: true }, RESTART_PATIENCE_MS)
      })
      if (launched === undefined) return
      this.#pid = launched.pid
      this.#keep(layout, options, launched.process)
      options.onProgress('ready')
    } catch {
      // The log in the directory says why; whoever connects finds nobody there.
      options.onProgress('lost')
    }
  }
}

function launchedPid(layout: Layout): number | undefined {
  try {
    return Number(readFileSync(layout.launched, 'utf8'))
  } catch {
    return undefined
  }
}

interface Launch extends ServerOptions {
  /** The port is its own: whoever took it since it died took it for a moment. */
  readonly isRestart?: boolean
}

async function launchPatiently(layout: Layout, options: Launch, patienceMs: number) {
  const deadline = Date.now() + patienceMs
  for (;;) {
    const port = options.port ?? (await findFreePort())
    try {
      const launched = await launchPostmaster(layout, port, options.flags)
      writeFileSync(layout.launched, `${launched.pid}\n`)
      return { ...launched, port }
    } catch (error) {
      if (!mayPass(error, options) || Date.now() > deadline) throw error
    }
    await waitUntil(() => false, 100)
  }
}

function mayPass(error: unknown, options: Launch): boolean {
  if (!(error instanceof EmbeddedPostgresError)) return false
  // Someone was faster on a port that nobody had asked for.
  if (error.kind === 'port-taken') return options.port === undefined || options.isRestart === true
  // The backends of a killed postmaster need a moment to notice.
  return error.kind === 'still-there'
}
