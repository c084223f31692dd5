/** SQL projections on the command line: what they write is the app's, how they stand and what they set aside is here. */
import { aggregate, defineDomain, event } from '@tidemark/core'
import { openSqlProjections, sqlProjection, type SqlProjections } from '@tidemark/projections'
import { openStore, type PostgresStore } from '@tidemark/store'
import { newAppend, newEvent } from '@tidemark/testing/event-store-contract'
import { testDatabase, type TestDatabase } from '@tidemark/testing/postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { EXIT } from './exit-code.ts'
import { runTidemark } from './run-tidemark.ts'
import { testIo } from './test-io.ts'

interface Added {
  readonly by: number
}
const added: {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: 'test'
    readonly validate: (value: unknown) => { readonly value: Added }
    readonly types?: { readonly input: Added; readonly output: Added }
  }
} = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value: value as Added }) } }
const Counter = aggregate('counter', {
  initial: () => ({ sum: 0 }),
  events: { added: event(added) },
  evolve: { added: (state, { by }) => ({ sum: state.sum + by }) },
  commands: () => ({}),
})
const Totals = sqlProjection('totals', {
  on: [Counter],
  tables: (schema) => [`create table ${schema}.totals (tenant text primary key, total bigint)`],
  apply: {
    'counter.added': ({ data: { by } }, { schema, tenant }) => {
      if (by < 0) throw new Error('cannot add less than nothing')
      return {
        text: `insert into ${schema}.totals as t values ($1, $2::bigint)
               on conflict (tenant) do update set total = t.total + excluded.total`,
        values: [tenant, by],
      }
    },
  },
})
const NAME = 'sql:totals'
let database: TestDatabase
let store: PostgresStore
let app: SqlProjections

beforeAll(async () => {
  database = await testDatabase()
  store = await openStore({ url: database.url })
  const domain = defineDomain({ name: 'counters', aggregates: [Counter], projections: [] })
  app = await openSqlProjections({ store, domain, projections: [Totals], pollMs: 20 })
  app.start()
  for (const [stream, by] of [
    ['counter/a', 1],
    ['counter/a', -2],
    ['counter/a', 4],
    ['counter/b', -1],
  ] as const) {
    await store.append(newAppend({ stream, events: [newEvent({ by }, 'counter.added')] }))
  }
  expect(await app.waitFor(Totals, { lane: 0, position: 4 }, 60_000)).toEqual({ kind: 'reached' })
})
afterAll(async () => {
  await app.close()
  await store.close()
  await database.drop()
})

async function tidemark(...args: string[]): Promise<{ exit: number; json: Record<string, unknown> }> {
  const io = testIo({ DATABASE_URL: database.url, USER: 'ann' })
  const exit = await runTidemark([...args, '--json'], io)
  return { exit, json: JSON.parse(io.written.out) as Record<string, unknown> }
}

test('their state, lag and parked events are listed', async () => {
  expect(await tidemark('projections', 'list')).toMatchObject({
    exit: EXIT.ok,
    json: {
      kind: 'projections',
      projections: [
        {
          kind: 'sql',
          projection: NAME,
          version: 1,
          lane: 0,
          state: 'live',
          checkpoint: 4,
          events: 0,
          parked: 3,
          code: 'same',
        },
      ],
    },
  })
  const io = testIo({ DATABASE_URL: database.url })
  await runTidemark(['projections', 'list'], io)
  expect(io.written.out).toMatch(/^lane 0 {2}sql:totals@1 {2}at 4 {2}3 parked/)
  expect(await tidemark('parked', 'list', '--projection', NAME)).toMatchObject({
    json: { entries: [{ kind: 'sql', position: 2, key: 'counter/a' }, { reason: 'behind' }, { key: 'counter/b' }] },
  })
  expect(await tidemark('parked', 'show', 'acme', NAME, '2')).toMatchObject({
    json: { kind: 'parked-event', entry: { kind: 'sql' }, event: { data: { by: -2 } } },
  })
})

test('what they have set aside is edited, retried and discarded as that of folds is', async () => {
  expect(await tidemark('parked', 'retry', '--projection', NAME)).toMatchObject({
    exit: EXIT.found,
    json: { kind: 'done', settled: 0, remaining: 3 },
  })
  expect(await tidemark('parked', 'edit', 'acme', NAME, '2', '--data', '{"by":2}')).toMatchObject({
    exit: EXIT.ok,
    json: { kind: 'done', settled: 2 },
  })
  expect(await tidemark('parked', 'discard', '--key', 'counter/b')).toMatchObject({
    json: { kind: 'done', skipped: 1 },
  })
  expect(await store.sql().query(`select total from ${Totals.schema}.totals`)).toEqual([{ total: 7 }])
  const { json } = await tidemark('parked', 'history')
  expect(json).toMatchObject({
    decided: [
      { kind: 'sql', action: 'discard', unit: { projection: NAME, key: 'counter/b' } },
      { action: 'edit', edit: { position: 2, data: { by: 2 } } },
      // One for each stream.
      { action: 'retry', unit: { key: expect.stringMatching('counter/[ab]') } },
      { action: 'retry' },
    ],
  })
})

test('they are paused and resumed by name; what they cannot do is said', async () => {
  expect(await tidemark('projections', 'pause', NAME)).toMatchObject({
    exit: EXIT.ok,
    json: { kind: 'paused', lanes: 1 },
  })
  expect((await tidemark('projections', 'list')).json).toMatchObject({
    projections: [{ pausedBy: 'ann', worked: false }],
  })
  expect(await tidemark('projections', 'resume', NAME)).toMatchObject({
    exit: EXIT.ok,
    json: { kind: 'resumed', lanes: 1 },
  })
  expect(await tidemark('projections', 'resume', NAME)).toMatchObject({ exit: EXIT.found, json: { lanes: 0 } })
  for (const what of ['rebuild', 'verify', 'rollback', 'cancel']) {
    expect(await tidemark('projections', what, NAME)).toMatchObject({ exit: EXIT.found, json: { kind: 'not-for-sql' } })
  }
  expect(await tidemark('projections', 'accept', NAME)).toMatchObject({ exit: EXIT.found, json: { versions: 0 } })
  expect(await tidemark('projections', 'accept', 'totals')).toMatchObject({ exit: EXIT.usage })
})
