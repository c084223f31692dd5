import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedPostgres } from '@tidemark/postgres'
import { chromium, type BrowserContext } from '@playwright/test'
import postgres from 'postgres'

/** What a run stands on, all of it started for the run and gone after it. */
export interface Environment {
  /** A new database on the run's Postgres. Durable as always: `fsync` is on. */
  createDatabase(name: string): Promise<string>
  /** For keys and other files. */
  readonly directory: string
  /** A browser of its own with a profile on disk, as a person's: off the record IndexedDB would never flush. */
  openDevice(): Promise<BrowserContext>
  close(): Promise<void>
}

export async function startEnvironment(): Promise<Environment> {
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-bench-'))
  const server = await startEmbeddedPostgres({ directory: join(directory, 'postgres'), persistent: false })
  const devices: BrowserContext[] = []
  return {
    directory,
    createDatabase: async (name) => {
      const sql = postgres(server.url, { max: 1, onnotice: () => undefined })
      await sql.unsafe(`create database ${name}`)
      await sql.end({ timeout: 5 })
      const url = new URL(server.url)
      url.pathname = `/${name}`
      return url.href
    },
    openDevice: async () => {
      const device = await chromium.launchPersistentContext(join(directory, `profile-${devices.length}`), {
        executablePath: process.env.TIDEMARK_CHROMIUM ?? chromium.executablePath(),
        args: (process.env.TIDEMARK_CHROMIUM_ARGS ?? '').split(' ').filter((arg) => arg !== ''),
      })
      devices.push(device)
      return device
    },
    close: async () => {
      for (const device of devices) await device.close()
      await server.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
