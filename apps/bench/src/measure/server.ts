import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedPostgres } from '@tidemark/postgres'
import postgres from 'postgres'

/** One Postgres for ours and the peers, durable (`fsync` and `synchronous_commit` are on), gone after the run. */
export interface MeasuredServer {
  /** `18.4 (fsync on, synchronous_commit on)` */
  readonly description: string
  /** A new database; the settings hold for all who connect to it. */
  createDatabase(name: string, settings?: Readonly<Record<string, string>>): Promise<string>
  close(): Promise<void>
}

/** Longer flushes than this machine's disk has: each commit waits so long before it flushes. */
export const EMULATED_FLUSH_MS = 2
export const SLOW_FLUSH: Readonly<Record<string, string>> = {
  commit_delay: String(EMULATED_FLUSH_MS * 1_000),
  commit_siblings: '0',
}

/** Memory enough for what is measured, and no checkpoint in the middle of a cell that another cell did not have. */
const FLAGS = ['shared_buffers=512MB', 'max_wal_size=16GB', 'checkpoint_timeout=30min', 'max_connections=200']

export async function startMeasuredServer(): Promise<MeasuredServer> {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-bench-'))
  const flags = FLAGS.flatMap((flag) => ['-c', flag])
  const server = await startEmbeddedPostgres({ directory: join(directory, 'postgres'), persistent: false, flags })
  const admin = postgres(server.url, { max: 1, onnotice: () => undefined })
  const [facts] = await admin<{ version: string; fsync: string; commit: string }[]>`
    select current_setting('server_version') as version, current_setting('fsync') as fsync,
           current_setting('synchronous_commit') as commit`
  if (facts?.fsync !== 'on' || facts.commit !== 'on')
    throw new Error('This Postgres is not durable: nothing is measured on it.')
  return {
    description: `${facts.version} (fsync ${facts.fsync}, synchronous_commit ${facts.commit})`,
    createDatabase: async (name, settings = {}) => {
      await admin.unsafe(`create database ${name}`)
      for (const [key, value] of Object.entries(settings)) {
        await admin.unsafe(`alter database ${name} set ${key} = '${value}'`)
      }
      const url = new URL(server.url)
      url.pathname = `/${name}`
      return url.href
    },
    close: async () => {
      await admin.end({ timeout: 5 })
      await server.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
