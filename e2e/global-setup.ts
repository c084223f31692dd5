import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedPostgres } from '@tidemark/postgres'

/**
 * One Postgres for the run, gone with its data afterwards; every test makes a database of its own on it. A server named
 * by `TIDEMARK_TEST_PG` is used instead and left as it is.
 */
export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  if (process.env.TIDEMARK_TEST_PG !== undefined) return undefined
  const server = await startEmbeddedPostgres({
    directory: mkdtempSync(join(tmpdir(), 'tidemark-e2e-postgres-')),
    persistent: false,
    flags: ['-c', 'max_connections=200'],
  })
  process.env.TIDEMARK_TEST_PG = server.url
  return async () => {
    delete process.env.TIDEMARK_TEST_PG
    await server.stop()
  }
}
