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

/** `2026-11-21 22:00:00.123+00`, as Postgres prints it in UTC, to `2026-11-21T22:00:00.123Z`. */
export function toIsoTime(text: string): string {
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

export function createPostgresDriver(options: DriverOptions): Driver {
  let pool = connect(options)
  let connectedAt = performance.now()
  let closed = false

  /**
   * A healthy server ends every statement before our deadline does (statement_timeout is shorter), so a passed deadline
   * means a hung pool or a dead link. Calls that wait on the old pool may still end there; new ones get new connections.
   */
  const replace = (hung: Sql): void => {
    if (closed || hung !== pool || performance.now() - connectedAt < options.deadlineMs) return
    pool = connect(options)
    connectedAt = performance.now()
    void hung.end({ timeout: Math.ceil(options.deadlineMs / 1000) })
    options.onLost?.()
  }

  const run = async (text: string, parameters: readonly QueryParameter[], simple: boolean, query: QueryOptions) => {
    if (closed) throw new DatabaseError('not-sent', 'CLOSED', 'The database connection was closed by its owner.', {})
    const asked = pool
    const deadlineMs = query.deadlineMs ?? options.deadlineMs
    let timer: NodeJS.Timeout | undefined
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        replace(asked)
        reject(
          new DatabaseError('unknown', 'DEADLINE', `The database did not answer within ${deadlineMs} ms.`, {}),
        )
      }, deadlineMs)
    })
    try {
      // `simple` is missing from the driver's types; left out, it would follow from the number of parameters.
      const how: { prepare: boolean } = Object.assign({ prepare: !simple }, { simple })
      const answer = asked.unsafe(text, parameters as never[], how)
      return await Promise.race([answer, deadline])
    } catch (error) {
      throw error instanceof DatabaseError ? error : toDatabaseError(error)
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    async query<R extends object = Row>(
      text: string,
      parameters: readonly QueryParameter[] = [],
      query: QueryOptions = {},
    ) {
      return (await run(text, parameters, false, query)) as unknown as readonly R[]
    },
    async script(text, query = {}) {
      await run(text, [], true, query)
    },
    async close(withinMs) {
      if (closed) return
      closed = true
      // The driver's own promise may hang with a hung connection: ours does not wait for it.
      await within(withinMs, pool.end({ timeout: Math.max(0, withinMs - 100) / 1000 }))
    },
  }
}

async function within(ms: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([promise.catch(() => {}), limit])
  clearTimeout(timer)
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
  // 40003 is "statement completion unknown".
  if (code === '40003') return 'unknown'
  if (ROLLED_BACK.some((prefix) => code.startsWith(prefix))) return 'rolled-back'
  // 57P01 and 57P02 (the backend was told to die) may come after the commit; so may every lost connection.
  return code.startsWith('08') || code.startsWith('57P') ? 'unknown' : 'rejected'
}
