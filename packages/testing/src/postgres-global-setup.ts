import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedPostgres } from '@tidemark/postgres'
import { TEST_SERVER_VARIABLE } from './postgres.ts'

/**
 * vitest's global set-up for tests that need Postgres: one server for the run, removed with its data afterwards.
 * A server named by `TIDEMARK_TEST_PG` is used instead and left as it is. `fsync` stays on: some of these tests are
 * about what survives.
 */
export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  if (process.env[TEST_SERVER_VARIABLE] !== undefined) return undefined
  const server = await startEmbeddedPostgres({
    directory: mkdtempSync(join(tmpdir(), 'tidemark-test-postgres-')),
    persistent: false,
    flags: ['-c', 'max_connections=200'],
  })
  process.env[TEST_SERVER_VARIABLE] = server.url
  return async () => {
    delete process.env[TEST_SERVER_VARIABLE]
    await server.stop()
  }
}
