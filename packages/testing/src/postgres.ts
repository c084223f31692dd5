import { randomBytes } from 'node:crypto'
import postgres from 'postgres'

export interface TestDatabase {
  /** Connection URL of a database that nothing has been written to. */
  readonly url: string
  /** Makes another database that holds the same. Nobody may be connected to this one. */
  copy(): Promise<TestDatabase>
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
  return makeDatabase(server, '')
}

async function makeDatabase(server: string, how: string): Promise<TestDatabase> {
  const name = `tidemark_test_${randomBytes(8).toString('hex')}`
  await onServer(server, `create database ${name}${how}`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return {
    url: url.href,
    copy: () => makeDatabase(server, ` template ${name}`),
    drop: () => onServer(server, `drop database if exists ${name} with (force)`),
  }
}

/** Roles of the cluster as an operator would make them, with a database of their own. */
export interface TestRoles {
  /** Owns the database and nothing else; no superuser. */
  readonly ownerUrl: string
  /** Logs in, and is a member of `app` and `system`. */
  readonly loginUrl: string
  /** Logs in, and is a member of `app` alone. */
  readonly appUrl: string
  readonly readerUrl: string
  /** Names of the roles; what they may do is for the test to grant. */
  readonly app: string
  readonly system: string
  readonly reader: string
  drop(): Promise<void>
}

/** Makes a fresh database that no superuser owns, and the roles that programs connect as. */
export async function testRoles(): Promise<TestRoles> {
  const database = await testDatabase()
  const server = database.url
  const name = new URL(server).pathname.slice(1)
  const elsewhere = Object.assign(new URL(server), { pathname: '/postgres' })
  const role = (kind: string): string => `${name}_${kind}`
  const password = randomBytes(12).toString('hex')
  const [owner, login, app, system, reader] = ['owner', 'login', 'app', 'system', 'reader'].map(role)
  await onServer(
    server,
    `create role ${owner} login password '${password}'; create role ${app} login password '${password}';
     create role ${system}; create role ${reader} login password '${password}';
     create role ${login} login password '${password}' in role ${app}, ${system};
     alter database ${name} owner to ${owner}; revoke all on database ${name} from public;
     grant connect on database ${name} to ${login}, ${app}, ${reader}`,
  )
  const urlOf = (user: string): string => Object.assign(new URL(server), { username: user, password }).href
  return {
    ownerUrl: urlOf(role('owner')),
    loginUrl: urlOf(role('login')),
    appUrl: urlOf(role('app')),
    readerUrl: urlOf(role('reader')),
    app: role('app'),
    system: role('system'),
    reader: role('reader'),
    async drop() {
      await database.drop()
      // The database is gone: any other will do.
      await onServer(elsewhere.href, `drop role ${login}, ${owner}, ${app}, ${system}, ${reader}`)
    },
  }
}

async function onServer(server: string, statement: string): Promise<void> {
  const sql = postgres(server, { max: 1, onnotice: () => undefined, connection: { application_name: 'tidemark-test' } })
  try {
    await sql.unsafe(statement)
  } finally {
    await sql.end({ timeout: 5 })
  }
}
