import {
  validate,
  type Domain,
  type EventStore,
  type Principal,
  type QueryReply,
  type QueryRequest,
} from '@tidemark/core'
import type { Projections, SqlProjections } from '@tidemark/projections'
import type { PostgresStore } from '@tidemark/store'
import type { Sealer } from '../seal.ts'
import type { QueryHandler } from './answer-query.ts'
import type { QueryCache } from './query-cache.ts'
import { toPosition } from './requirement.ts'
import { waitForStreams } from './wait-for-streams.ts'

export interface QueryOptions {
  readonly domain: Domain
  readonly store: Pick<EventStore, 'epoch' | 'laneOf'> & Pick<PostgresStore, 'sql'>
  readonly projections: Pick<Projections, 'readRows' | 'onAdvance'>
  /** The tables that queries read, and the code that reads them. */
  readonly queries:
    | {
        readonly from: Pick<SqlProjections, 'place' | 'waitFor' | 'lag' | 'counters'>
        readonly handlers: readonly QueryHandler[]
      }
    | undefined
  readonly cache: QueryCache
  readonly sealer: Pick<Sealer, 'token' | 'openToken' | 'openCursor'>
  readonly scopesOf: (principal: Principal) => readonly string[]
}

/** How long a read waits for what it asks for, unless it says. Milliseconds. */
const WAIT_MS = 2_000

/** Answers a query from the tables of its SQL projection. Throws DatabaseError, and what its code throws. */
export async function readQuery(
  options: QueryOptions,
  principal: Principal,
  request: QueryRequest,
): Promise<QueryReply> {
  const { domain, store, projections, queries, sealer } = options
  const handler = queries?.handlers.find(({ definition }) => definition.name === request.query)
  if (queries === undefined || handler === undefined) return { kind: 'unknown' }
  const { definition, from } = handler
  if (!definition.allow(principal)) return { kind: 'forbidden' }
  const input = validate(definition.input, request.input)
  if (!input.ok) return { kind: 'invalid', issues: input.issues.slice(0, 20) }

  const { tenant } = principal
  const { after = [], streams = [], waitMs = WAIT_MS, late = 'stale' } = request
  const until = performance.now() + waitMs
  const [epoch, lane] = await Promise.all([store.epoch(), store.laneOf(tenant)])
  const first = await queries.from.place(from, lane)
  if (first.kind === 'building') return first

  let missed: 'timeout' | 'unknown_token' | undefined
  const asked = toPosition(sealer, { epoch, tenant, lane }, after)
  if (asked.kind === 'unknown_token') missed = 'unknown_token'
  else {
    const known = { tenant, lane, scopes: options.scopesOf(principal) }
    const ofStreams = await waitForStreams({ domain, projections }, known, streams, until)
    const position = Math.max(asked.position, ofStreams ?? 0)
    if (ofStreams === undefined) missed = 'timeout'
    else if (position > first.position) {
      const reached = await queries.from.waitFor(from, { lane, position }, Math.max(0, until - performance.now()))
      if (reached.kind === 'timeout') missed = 'timeout'
    }
  }
  if (missed !== undefined && late === 'refuse') return { kind: 'late', reason: missed }

  // Asked before the tables are read, so they hold at least this; and where they hold more, the next read asks anew.
  const place = await queries.from.place(from, lane)
  if (place.kind === 'building') return place
  const { position, revision } = place
  const question = [from.schema, position, revision, tenant, definition.name, JSON.stringify(input.value)].join('\n')
  const text = await options.cache.get(question, async () => {
    const sql = store.sql()
    const context = { tenant, schema: from.schema, sql: sql.query.bind(sql) as never }
    return JSON.stringify(await handler.read(input.value, context))
  })
  return {
    kind: 'answer',
    output: JSON.parse(text) as never,
    token: sealer.token({ epoch, tenant, lane, position }),
    stale: missed !== undefined,
  }
}
