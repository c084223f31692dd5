/**
 * The connections of a store: what is checked of the server first, as which roles they work, and what ends them when this
 * process cannot.
 */
import type { Driver } from './driver.ts'
import { DatabaseError, StoreOpenError } from './errors.ts'
import { migrateStore } from './migrate-store.ts'
import { appendSettings, readSettings } from './pool-settings.ts'
import { createPostgresDriver } from './postgres-driver.ts'
import { refusePooler } from './refuse-pooler.ts'
import { readAccess } from './statements/read-access.ts'
import { serverFacts, type ServerFacts } from './statements/server-facts.ts'

export interface PoolsOptions {
  readonly url: string
  readonly applicationName: string
  readonly migrate: boolean
  readonly connections: number
  readonly appendConnections: number
  /** Milliseconds. */
  readonly deadlineMs: number
  readonly appendDeadlineMs: number
  readonly onLost: () => void
}

export interface Pools {
  /** Reads all tenants, and calls functions. */
  readonly reader: Driver
  /** Reads one tenant at a time where the store works as granted roles; else it is the reader. */
  readonly tenantReader: Driver
  readonly appender: Driver
  /** All of them, each once. */
  readonly all: readonly Driver[]
}

/** @throws StoreOpenError, MigrationError */
export async function openPools(options: PoolsOptions): Promise<Pools> {
  const { url, applicationName, deadlineMs, onLost } = options
  // Two connections, and only for these questions: what the others are set to depends on the answers.
  let losses = 0
  const lockTimeoutMs = 5_000
  const openProbe = (): Driver =>
    createPostgresDriver({
      url,
      applicationName,
      maxConnections: 1,
      deadlineMs,
      settings: { statement_timeout: Math.max(1_000, deadlineMs - 1_000), lock_timeout: lockTimeoutMs },
      onLost: () => losses++,
    })
  const [probe, second] = [openProbe(), openProbe()]
  try {
    const facts = await checkServer(probe, () =>
      refusePooler({ drivers: [probe, second], lockTimeoutMs, losses: () => losses }),
    )
    const roles = await chooseRoles(probe, facts)
    if (options.migrate) await migrateStore(probe)
    const forReads = readSettings(facts, deadlineMs)
    const open = (role: string | undefined, settings: Readonly<Record<string, string | number>>) => ({
      url,
      applicationName,
      maxConnections: options.connections,
      deadlineMs,
      settings: role === undefined ? settings : { ...settings, role },
      onLost,
    })
    const reader = createPostgresDriver(open(roles?.system, forReads))
    const tenantReader = roles === undefined ? reader : createPostgresDriver(open(roles.app, forReads))
    const appender = createPostgresDriver({
      ...open(roles?.app, appendSettings(facts, options.appendDeadlineMs)),
      applicationName: `${applicationName} append`,
      maxConnections: options.appendConnections,
      deadlineMs: options.appendDeadlineMs,
    })
    const all = [...new Set([reader, tenantReader, appender])]
    return { reader, tenantReader, appender, all }
  } finally {
    await Promise.all([probe.close(500), second.close(500)])
  }
}

async function checkServer(sql: Driver, refuseOthers: () => Promise<void>): Promise<ServerFacts> {
  let facts: ServerFacts
  try {
    await refuseOthers()
    facts = await serverFacts(sql)
  } catch (error) {
    if (error instanceof StoreOpenError) throw error
    const why = error instanceof DatabaseError ? `${error.code}: ${error.message}` : String(error)
    throw new StoreOpenError(
      'unreachable',
      `The database could not be asked. Check the URL and the server. (${why})`,
      error,
    )
  }
  if (facts.version < 150_000) {
    throw new StoreOpenError('server-too-old', `Postgres 15 or newer is needed, this is ${facts.version}.`)
  }
  if (facts.encoding !== 'UTF8') {
    throw new StoreOpenError('not-utf8', `The database must be encoded in UTF8, this one is in ${facts.encoding}.`)
  }
  if (facts.standby) {
    throw new StoreOpenError('standby', 'This server is a standby; the store must be opened on the primary.')
  }
  return facts
}

/** As which roles the pools work; `undefined` for the schema's owner and for superusers, who need none. */
async function chooseRoles(
  sql: Driver,
  facts: ServerFacts,
): Promise<{ readonly app: string; readonly system: string } | undefined> {
  const access = await readAccess(sql, { version: facts.version })
  if (access.kind !== 'granted') return undefined
  const { login, app, system } = access
  if (app !== null && system !== null) return { app, system }
  const missing = app === null ? (system === null ? 'an app role and a system role' : 'an app role') : 'a system role'
  throw new StoreOpenError(
    'no-access',
    `Role ${login} does not own the store's schema, and is no member of ${missing}. As the owner, make roles known with ` +
      '`tidemark store grant ROLE app` and `tidemark store grant ROLE system`, and make this one a member of both.',
  )
}
