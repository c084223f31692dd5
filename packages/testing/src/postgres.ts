import { randomBytes } from 'node:crypto'
import postgres from 'postgres'

export interface TestDatabase {
  /** Connection URL of a database that nothing has been written to. */
  readonly url: string
  /** Removes the database, with whoever is still connected to it. */
  drop(): Promise<void>
}

/** Name of the environment variable with the URL of the server that tests may make databases on. */
export const TEST_SERVER_VARIABLE = 'TIDEMARK_TEST_PG'

/**
 * Makes a fresh database on the server that the vitest project `pg` started, or that `TIDEMARK_TEST_PG` names.
 * Takes some 50 ms.
 */
export async function testDatabase(): Promise<TestDatabase> {
  const server = process.env[TEST_SERVER_VARIABLE]
  if (server === undefined)
    throw new Error(
      `${TEST_SERVER_VARIABLE} is not set: name the test x.pg.test.ts so that it runs in the vitest project "pg", or set it to a Postgres URL.`,
    )
  const name = `tidemark_test_${randomBytes(8).toString('hex')}`
  await onServer(server, `create database ${name}`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return { url: url.href, drop: () => onServer(server, `drop database if exists ${name} with (force)`) }
}

async function onServer(server: string, statement: string): Promise<void> {
  const sql = postgres(server, { max: 1, onnotice: () => undefined, connection: { application_name: 'tidemark-test' } })
  try {
    await sql.unsafe(statement)
  } finally {
    await sql.end({ timeout: 5 })
  }
}
