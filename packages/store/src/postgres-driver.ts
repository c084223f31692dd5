/**
 * The driver port on postgres.js 3.4.9. The only file that knows postgres.js, together with `postgres-listener.ts`.
 */
import postgres, { type Sql } from 'postgres'
import type { Driver, DriverOptions, QueryOptions, QueryParameter, Row } from './driver.ts'
import { DatabaseError } from './errors.ts'

/** How long a connection attempt may take, in seconds. */
const CONNECT_TIMEOUT_S = 3
/** Pause between two connection attempts, in seconds. Callers back off by themselves. */
const RECONNECT_S = 0.1

const identity = (value: string): string => value

/** Codecs by Postgres type oid; see {@link Row} for what they promise. */
const TYPES = {
  // Parameters are texts already: the default would encode a JSON text once more.
  json: { to: 114, from: [114, 3802], serialize: identity, parse: (text: string): unknown => JSON.parse(text) },
  bigint: { to: 20, from: [20], serialize: String, parse: Number },
  date: { to: 1184, from: [1184], serialize: identity, parse: toIsoTime },
}

const DOT = '.'.charCodeAt(0)

/** `2026-11-21 22:00:00.123+00`, as Postgres prints it in UTC, to `2026-11-21T22:00:00.123Z`. */
export function toIsoTime(text: string): string {
  // Nearly all are printed so, with microseconds.
  if (text.length === 29 && text.charCodeAt(19) === DOT && text.endsWith('+00')) {
    return `${text.slice(0, 10)}T${text.slice(11, 23)}Z`
  }
  const zone = text.lastIndexOf('+')
  const time = zone === -1 ? text : text.slice(0, zone)
  const dot = time.indexOf('.')
  const fraction = dot === -1 ? '' : time.slice(dot + 1)
  return `${(dot === -1 ? time : time.slice(0, dot)).replace(' ', 'T')}.${fraction.slice(0, 3).padEnd(3, '0')}Z`
}

/** A pool as this package wants it. `onNotify` is for the listener, which has a pool of one to itself. */
export function connect(options: DriverOptions, onNotify?: (channel: string, payload: string) => void): Sql {
  return postgres(options.url, {
    max: options.maxConnections,
    // One call per connection: with pipelining a call would share the fate and the wait of those before it.
    max_pipeline: 0,
    connect_timeout: CONNECT_TIMEOUT_S,
    backoff: () => RECONNECT_S,
    // Would ask the catalogue on every new connection, and turn array literals into something else.
    fetch_types: false,
    types: TYPES,
    onnotice: () => {},
    onclose: () => options.onLost?.(),
    ...(onNotify === undefined ? {} : { onnotify: onNotify }),
    connection: {
      application_name: options.applicationName,
      TimeZone: 'UTC',
      DateStyle: 'ISO',
      client_encoding: 'UTF8',
      default_transaction_isolation: 'read committed',
      ...options.settings,
    },
  } as unknown as postgres.Options<Record<string, never>>) as unknown as Sql
}

/**
 * postgres.js keeps state of a dead connection and brings it into the next one on the same object: a query was seen to
 * resolve with no rows that never ran. So a pool that lost a connection gets no new calls and is dropped when those it
 * has are over; and it never queues, since a queued call would be served by just such a connection.
 */
interface Pool {
  readonly sql: Sql
  calls: number
  retired: boolean
}

export function createPostgresDriver(options: DriverOptions): Driver {
  const pools = new Set<Pool>()
  /** Callers that wait for a slot; each is told whether it got one. */
  const waiting = new Set<() => void>()
  let slots = options.maxConnections
  let closed = false

  const open = (): Pool => {
    const pool: Pool = { sql: connect({ ...options, onLost: () => retire(pool) }), calls: 0, retired: false }
    pools.add(pool)
    return pool
  }
  const dropIfDone = (pool: Pool): void => {
    if (!pool.retired || pool.calls > 0 || !pools.delete(pool)) return
    void pool.sql.end({ timeout: 0 }).catch(() => {})
  }
  const retire = (pool: Pool): void => {
    if (pool.retired) return
    pool.retired = true
    if (!closed) {
      current = open()
      options.onLost?.()
    }
    dropIfDone(pool)
  }
  let current = open()

  const takeSlot = (deadlineMs: number): Promise<void> | undefined => {
    if (slots > 0) {
      slots--
      return undefined
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(grant)
        reject(new DatabaseError('not-sent', 'BUSY', `No connection was free within ${deadlineMs} ms.`, {}))
      }, deadlineMs)
      const grant = (): void => {
        clearTimeout(timer)
        waiting.delete(grant)
        resolve()
      }
      waiting.add(grant)
    })
  }
  const freeSlot = (): void => {
    for (const grant of waiting) {
      grant()
      return
    }
    slots++
  }

  const run = async (text: string, parameters: readonly QueryParameter[], simple: boolean, deadlineMs: number) => {
    const startedAt = performance.now()
    const slot = takeSlot(deadlineMs)
    if (slot !== undefined) await slot
    const pool = current
    pool.calls++
    try {
      if (closed) throw new DatabaseError('not-sent', 'CLOSED', 'The database connection was closed by its owner.', {})
      return await send(pool.sql, text, parameters, simple, deadlineMs - (performance.now() - startedAt))
    } catch (caught) {
      const error = caught instanceof DatabaseError ? caught : toDatabaseError(caught)
      // A healthy server ends every statement before our deadline does (statement_timeout is shorter), so a passed
      // deadline means a hung pool or a dead link.
      if (error.kind === 'unknown' || error.kind === 'not-sent') retire(pool)
      throw error
    } finally {
      pool.calls--
      dropIfDone(pool)
      freeSlot()
    }
  }

  return {
    async query<R extends object = Row>(
      text: string,
      parameters: readonly QueryParameter[] = [],
      query: QueryOptions = {},
    ) {
      const rows = await run(text, parameters, false, query.deadlineMs ?? options.deadlineMs)
      return rows as unknown as readonly R[]
    },
    async script(text, query = {}) {
      await run(text, [], true, query.deadlineMs ?? options.deadlineMs)
    },
    async close(withinMs) {
      if (closed) return
      closed = true
      const giveUpAt = performance.now() + withinMs - 50
      const busy = (): boolean => [...pools].some((pool) => pool.calls > 0)
      while (busy() && performance.now() < giveUpAt) await new Promise((resolve) => setTimeout(resolve, 5))
      // Destroys what is left; the calls on it fail.
      for (const pool of pools) void pool.sql.end({ timeout: 0 }).catch(() => {})
      while (busy() && performance.now() < giveUpAt + 50) await new Promise((resolve) => setTimeout(resolve, 5))
    },
  }
}

async function send(
  sql: Sql,
  text: string,
  parameters: readonly QueryParameter[],
  simple: boolean,
  deadlineMs: number,
): Promise<readonly unknown[]> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const message = `The database did not answer within ${Math.round(deadlineMs)} ms.`
      reject(new DatabaseError('unknown', 'DEADLINE', message, {}))
    }, deadlineMs)
  })
  try {
    // `simple` is missing from the driver's types; left out, it would follow from the number of parameters.
    const how: { prepare: boolean } = Object.assign({ prepare: !simple }, { simple })
    const rows = await Promise.race([sql.unsafe(text, parameters as never[], how), deadline])
    // The server names the command with every result: without a name this is no answer of the server's.
    if (!simple && typeof rows.command !== 'string') {
      throw new DatabaseError('unknown', 'NO_ANSWER', 'The driver ended a call that the database did not answer.', {})
    }
    return rows
  } finally {
    clearTimeout(timer)
  }
}

/** SQLSTATEs (classes, or whole codes) after which the statement is known to be rolled back and may work later. */
const ROLLED_BACK = ['25006', '40', '53', '55', '57014', '58']
/** Failures of the connection attempt itself: the statement was never sent. */
const NOT_SENT = new Set(['CONNECT_TIMEOUT', 'ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'ENOENT'])

export function toDatabaseError(error: unknown): DatabaseError {
  const { code, message, severity, constraint_name } = error as Partial<Record<string, string>>
  const text = message ?? String(error)
  if (code === undefined) return new DatabaseError('unknown', 'DRIVER', text, { cause: error })
  // Only what the server itself reported has a severity; `EPIPE` would pass for an SQLSTATE otherwise.
  return new DatabaseError(failureOf(code, severity !== undefined), code, text, {
    cause: error,
    ...(constraint_name === undefined ? {} : { constraint: constraint_name }),
  })
}

function failureOf(code: string, fromServer: boolean): DatabaseError['kind'] {
  if (NOT_SENT.has(code)) return 'not-sent'
  if (!fromServer) return 'unknown'
  if (code === '57P03' || code.startsWith('28') || code === '53300' || code === '3D000') return 'not-sent'
  // 40003 is "statement completion unknown"; 25P03 and 25P04 end a transaction by time, and may just miss its commit.
  if (code === '40003' || code === '25P03' || code === '25P04') return 'unknown'
  if (ROLLED_BACK.some((prefix) => code.startsWith(prefix))) return 'rolled-back'
  // 57P01 and 57P02 (the backend was told to die) may come after the commit; so may every lost connection.
  return code.startsWith('08') || code.startsWith('57P') ? 'unknown' : 'rejected'
}
