import { join } from 'node:path'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '@tidemark/postgres'

export interface DevDatabase {
  readonly url: string
  /** The last release of a directory's database stops it. */
  release(): Promise<void>
}

interface Lease {
  readonly server: Promise<EmbeddedPostgres>
  holders: number
}

/**
 * By directory, for the whole process: when Vite restarts because its config changed, the new server is there before the
 * old one goes, and the plugin's module may have been loaded a second time.
 */
const leases: Map<string, Lease> = ((globalThis as { [key: symbol]: unknown })[Symbol.for('tidemark.dev-database')] ??=
  new Map<string, Lease>()) as Map<string, Lease>

/** The database that `DATABASE_URL` names, or an embedded one in `<directory>/postgres`. */
export async function leaseDevDatabase(directory: string, log: (line: string) => void): Promise<DevDatabase> {
  const given = process.env['DATABASE_URL']
  if (given) return { url: given, release: () => Promise.resolve() }
  const lease = leases.get(directory) ?? { server: start(join(directory, 'postgres'), log), holders: 0 }
  leases.set(directory, lease)
  lease.holders += 1
  const release = async () => {
    lease.holders -= 1
    if (lease.holders > 0) return
    leases.delete(directory)
    const server = await lease.server.catch(() => undefined)
    await server?.stop()
  }
  try {
    const { url } = await lease.server
    let released: Promise<void> | undefined
    return { url, release: () => (released ??= release()) }
  } catch (error) {
    await release()
    throw error
  }
}

function start(directory: string, log: (line: string) => void): Promise<EmbeddedPostgres> {
  const news = {
    initialising: 'Making a new Postgres database …',
    joined: 'Using the Postgres that runs already.',
    restarting: 'Postgres died and is started again …',
    lost: `Postgres died and could not be started again: ${join(directory, 'postgres.log')} says why.`,
    starting: undefined,
    ready: undefined,
  } as const
  return startEmbeddedPostgres({
    directory,
    persistent: true,
    onProgress: (step) => {
      const line = news[step]
      if (line !== undefined) log(line)
    },
  })
}
