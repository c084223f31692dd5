/**
 * That a rare event among many is found with bounded work: by the plans, and by what each page did.
 */
import type { LanePage } from '@tidemark/core'
import { testDatabase, type TestDatabase } from '@tidemark/testing/postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Driver, QueryParameter } from './driver.ts'
import { openStore, type PostgresStore } from './open-store.ts'
import { createPostgresDriver } from './postgres-driver.ts'
import { readLane } from './statements/read-lane.ts'
import { readStreamTypes } from './statements/read-stream-types.ts'

const TOTAL = 100_000
const RARE_AT = 70_001
const LONG = 'order/long'
let database: TestDatabase
let store: PostgresStore

beforeAll(async () => {
  database = await testDatabase()
  store = await openStore({ url: database.url })
  await store.laneOf('acme')
  // Straight into the table: a hundred appends of a thousand events would take longer than all tests here.
  await store.sql().query(
    `insert into tidemark.events (position, version, id, occurred_at, recorded_at, lane, schema, tenant, stream, type,
                                  principal, data, metadata)
     select n, n, gen_random_uuid(), now(), now(), 0, 1, 'acme', $1,
            case when n = $2 then 'order.cancelled' else 'order.noted' end, 'ada', '{}', '{}'
       from generate_series(1, $3) as n`,
    [LONG, RARE_AT, TOTAL],
  )
  await store.sql().query('analyze tidemark.events')
})

afterAll(async () => {
  await store.close()
  await database.drop()
})

interface Plan {
  readonly 'Node Type': string
  readonly 'Parent Relationship'?: string
  readonly 'Index Name'?: string
  readonly 'Scan Direction'?: string
  readonly 'Actual Rows': number
  readonly 'Rows Removed by Filter'?: number
  readonly Plans?: readonly Plan[]
}

/** How a statement runs under the plan that serves all parameters, which is what a prepared statement ends up with. */
async function explain(run: (sql: Driver) => Promise<unknown>): Promise<Plan> {
  let asked: readonly [string, readonly QueryParameter[]] = ['', []]
  const spy: Pick<Driver, 'query'> = {
    query: (text, parameters = []) => {
      asked = [text, parameters]
      return Promise.resolve([])
    },
  }
  await run(spy as Driver)
  const [text, parameters] = asked
  const settings = { plan_cache_mode: 'force_generic_plan' }
  const options = { url: database.url, maxConnections: 1, applicationName: 'explain', deadlineMs: 10_000, settings }
  const sql = createPostgresDriver(options)
  try {
    await sql.script(`prepare asked as ${text}`)
    const values = parameters.map((value) => (typeof value === 'string' ? `E'${value}'` : String(value)))
    const [row] = await sql.query<{ 'QUERY PLAN': readonly [{ readonly Plan: Plan }] }>(
      `explain (analyze, format json) execute asked (${values.join(', ')})`,
    )
    if (row === undefined) throw new Error('There is no plan.')
    return row['QUERY PLAN'][0].Plan
  } finally {
    await sql.close(500)
  }
}

/** The node of a plan that reads the table. */
function scanOf(plan: Plan): Plan {
  const below = plan.Plans?.find((each) => each['Parent Relationship'] !== 'InitPlan')
  return below === undefined ? plan : scanOf(below)
}

const seenBy = (scan: Plan): number => scan['Actual Rows'] + (scan['Rows Removed by Filter'] ?? 0)

test('a lane is read by type within its bounds and by its positions, whatever the parameters', async () => {
  const none = { lane: 0, after: 20_000, upTo: 30_000, limit: 500, types: ['order.cancelled'] }
  const scan = scanOf(await explain((sql) => readLane(sql, none)))
  expect(scan).toMatchObject({ 'Node Type': 'Index Scan', 'Index Name': 'events_position' })
  expect(seenBy(scan)).toBe(10_000)
  const all = scanOf(await explain((sql) => readLane(sql, { lane: 0, after: 20_000, limit: 500 })))
  expect([all['Index Name'], seenBy(all)]).toEqual(['events_position', 500])
})

test.each(['Forward', 'Backward'])(
  'a stream is read by type within its bounds and by its versions: %s',
  async (way) => {
    const read = { tenant: 'acme', stream: LONG, low: 20_001, high: 30_000, limit: 500, backwards: way === 'Backward' }
    const types = ['order.cancelled']
    const scan = scanOf(await explain((sql) => readStreamTypes(sql, { ...read, types })))
    expect(scan).toMatchObject({ 'Node Type': 'Index Scan', 'Index Name': 'events_version', 'Scan Direction': way })
    expect(seenBy(scan)).toBe(10_000)
    // What is frequent is read no further than the page.
    const frequent = scanOf(await explain((sql) => readStreamTypes(sql, { ...read, types: ['order.noted'] })))
    expect(seenBy(frequent)).toBe(500)
  },
)

test('following one event in 100,000, every page looks at 10,000 positions and the place moves on', async () => {
  const controller = new AbortController()
  const pages: LanePage[] = []
  const options = { lane: 0, after: 0, types: ['order.cancelled'], signal: controller.signal }
  for await (const page of store.subscribeToTypes(options)) {
    pages.push(page)
    if (page.upTo === TOTAL) controller.abort()
  }
  expect(pages.map((page) => page.upTo)).toEqual(Array.from({ length: 10 }, (_, page) => (page + 1) * 10_000))
  expect(pages.flatMap((page) => page.events.map((event) => event.position))).toEqual([RARE_AT])
})

test('of a stream of 100,000 events the newest of a type is found from its end, page by page', async () => {
  const read = { tenant: 'acme', stream: LONG, direction: 'backwards' as const, types: ['order.cancelled'], limit: 1 }
  const seen: (number | undefined)[] = []
  for (let from: number | undefined; ;) {
    const page = await store.readStreamPage({ ...read, ...(from === undefined ? {} : { from }) })
    seen.push(page.next)
    if (page.events.length > 0) {
      expect(page.events.map((event) => event.version)).toEqual([RARE_AT])
      break
    }
    from = page.next
  }
  // Two empty pages, then the one that was cut behind what it found.
  expect(seen).toEqual([90_000, 80_000, RARE_AT - 1])
})
