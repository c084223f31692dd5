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
  /** Writes out what is dirty, and makes WAL files ready to be used again: between rounds, so that it falls into no cell. */
  checkpoint(): Promise<void>
  close(): Promise<void>
}

/** Longer flushes than this machine's disk has: each commit waits so long before it flushes. */
export const EMULATED_FLUSH_MS = 2
export const SLOW_FLUSH: Readonly<Record<string, string>> = {
  commit_delay: String(EMULATED_FLUSH_MS * 1_000),
  commit_siblings: '0',
}

/** Memory enough for what is measured, and no checkpoint in the middle of a cell that another cell did not have. */
const FLAGS = [
  'shared_buffers=512MB',
  'max_wal_size=16GB',
  'min_wal_size=2GB',
  'checkpoint_timeout=30min',
  'max_connections=200',
]

/**
 * A server that has run for a while writes into WAL files that were used before. A new one makes each file first, and whoever is
 * writing then waits some 50 ms: so as many as a round needs are made before anything is measured.
 */
const WAL_FILES = 64

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
  for (let file = 0; file < WAL_FILES; file++) {
    await admin.unsafe(`select pg_logical_emit_message(false, 'bench', 'x'); select pg_switch_wal()`)
  }
  await admin.unsafe('checkpoint')
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
    checkpoint: async () => {
      await admin.unsafe('checkpoint')
    },
    close: async () => {
      await admin.end({ timeout: 5 })
      await server.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
