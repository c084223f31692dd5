import { fileURLToPath } from 'node:url'
import { openProjections } from '@tidemark/projections'
import { openStore, type PostgresStore } from '@tidemark/store'
import { newAppend, newEvent } from '@tidemark/testing/event-store-contract'
import { testDatabase, type TestDatabase } from '@tidemark/testing/postgres'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { EXIT } from './exit-code.ts'
import { loadDomain } from './load-domain.ts'
import { runTidemark } from './run-tidemark.ts'
import { testIo } from './test-io.ts'

const DOMAIN = fileURLToPath(new URL('test-domain.mjs', import.meta.url))
const NAME = 'state:counter'
let database: TestDatabase
let store: PostgresStore

/** Three counters, projected by an app that has been closed since. */
beforeEach(async () => {
  database = await testDatabase()
  store = await openStore({ url: database.url })
  for (const stream of ['counter/a', 'counter/b', 'counter/c']) {
    const events = Array.from({ length: 4 }, () => newEvent({ by: 1 }, 'counter.added'))
    await store.append(newAppend({ stream, events }))
  }
  const app = await openProjections({ store, domain: await loadDomain(testIo(), DOMAIN), pollMs: 20 })
  app.start()
  expect(await app.waitFor({ lane: 0, position: 12 }, 20_000)).toEqual({ kind: 'reached' })
  await app.close()
})
afterEach(async () => {
  await store.close()
  await database.drop()
})

async function tidemark(...args: string[]): Promise<{ exit: number; json: Record<string, unknown> }> {
  const io = testIo({ DATABASE_URL: database.url, USER: 'ann' })
  const exit = await runTidemark(['projections', ...args, '--json'], io)
  return { exit, json: JSON.parse(io.written.out) as Record<string, unknown> }
}

const damage = () =>
  store.sql().query(`update tidemark.rows set row = '{"version":4,"state":{"sum":-1}}' where key = 'counter/b'`)

test('list says what is live, whether its code has changed, and what can be gone back to', async () => {
  expect(await tidemark('list')).toMatchObject({
    exit: EXIT.ok,
    json: {
      kind: 'projections',
      projections: [{ lane: 0, projection: NAME, version: 1, checkpoint: 12, code: 'unknown' }],
    },
  })
  expect((await tidemark('list', '--domain', DOMAIN)).json).toMatchObject({
    projections: [{ code: 'same', before: null }],
  })
})

test('verify is clean, or names the keys that differ; rebuild mends them, and rollback undoes that', async () => {
  expect(await tidemark('verify', '--domain', DOMAIN)).toMatchObject({
    exit: EXIT.ok,
    json: { kind: 'clean', projections: [{ projection: NAME, differences: 0, liveRows: 3, rebuiltRows: 3 }] },
  })
  await damage()
  const found = await tidemark('verify', NAME, '--domain', DOMAIN)
  expect(found).toMatchObject({
    exit: EXIT.found,
    json: { kind: 'different', projections: [{ differences: 1, keys: [{ key: 'counter/b', kind: 'different' }] }] },
  })
  expect(await tidemark('rebuild', NAME, '--domain', DOMAIN, '--parts', '2')).toMatchObject({
    exit: EXIT.ok,
    json: { kind: 'switched', builds: [{ projection: NAME, purpose: 'rebuild', state: 'done', result: { told: 1 } }] },
  })
  expect(await tidemark('verify', NAME, '--domain', DOMAIN)).toMatchObject({ exit: EXIT.ok, json: { kind: 'clean' } })
  expect(await tidemark('rollback', NAME, '--domain', DOMAIN)).toMatchObject({
    exit: EXIT.ok,
    json: { kind: 'switched', builds: [{ purpose: 'rollback', result: { told: 1 } }] },
  })
  expect(await tidemark('verify', NAME, '--domain', DOMAIN)).toMatchObject({ exit: EXIT.found })
})

test('a snapshot is taken and shown, a rebuild begins from it and says so, and --from-start does not', async () => {
  expect(await tidemark('snapshots')).toMatchObject({ exit: EXIT.ok, json: { kind: 'snapshots', snapshots: [] } })
  // Which code folded the rows is not known here.
  expect(await tidemark('snapshots', NAME, '--take')).toMatchObject({ exit: EXIT.found, json: { kind: 'refused' } })
  expect(await tidemark('snapshots', NAME, '--take', '--domain', DOMAIN)).toMatchObject({
    exit: EXIT.ok,
    json: { snapshots: [{ projection: NAME, position: 12, rows: 3, state: 'ready' }] },
  })
  expect(await tidemark('rebuild', NAME, '--domain', DOMAIN)).toMatchObject({
    json: { builds: [{ origin: 'snapshot', originPosition: 12, result: { told: 0 } }] },
  })
  expect(await tidemark('rebuild', NAME, '--domain', DOMAIN, '--from-start')).toMatchObject({
    json: { builds: [{ origin: 'log', result: { told: 0 } }] },
  })
  expect((await tidemark('verify', NAME, '--domain', DOMAIN, '--from-snapshot')).json).toMatchObject({
    kind: 'clean',
    projections: [{ origin: 'snapshot' }],
  })
  expect((await tidemark('verify', NAME, '--domain', DOMAIN)).json).toMatchObject({ projections: [{ origin: 'log' }] })
})

test('code is tried on a copy, and what is no copy is refused', async () => {
  await store.close()
  const copy = await database.copy()
  try {
    expect(await tidemark('trial', NAME, '--on', copy.url, '--domain', DOMAIN)).toMatchObject({
      exit: EXIT.ok,
      json: { kind: 'clean', lanes: [{ lane: 0, head: 12, behind: 0 }], released: [], projections: [{ liveRows: 3 }] },
    })
    expect(await tidemark('trial', '--on', database.url, '--domain', DOMAIN)).toMatchObject({
      exit: EXIT.found,
      json: { kind: 'refused', reason: 'same-database' },
    })
    expect(await tidemark('trial', NAME, '--domain', DOMAIN)).toMatchObject({ exit: EXIT.usage })
  } finally {
    await copy.drop()
    store = await openStore({ url: database.url })
  }
})

test('a build that nobody works on waits, is paused, resumed and cancelled', async () => {
  expect(await tidemark('rebuild', NAME, '--detach')).toMatchObject({ exit: EXIT.ok, json: { kind: 'requested' } })
  expect(await tidemark('rebuild', NAME, '--detach')).toMatchObject({ exit: EXIT.found, json: { kind: 'exists' } })
  expect((await tidemark('list')).json).toMatchObject({ projections: [{ build: { state: 'running', folded: 0 } }] })
  expect(await tidemark('pause', NAME)).toMatchObject({ exit: EXIT.ok, json: { kind: 'paused', builds: 1 } })
  expect(await tidemark('resume', NAME)).toMatchObject({ exit: EXIT.ok, json: { kind: 'resumed', builds: 1 } })
  expect(await tidemark('cancel', NAME)).toMatchObject({ exit: EXIT.ok, json: { kind: 'cancelled', builds: 1 } })
  expect(await tidemark('cancel', NAME)).toMatchObject({ exit: EXIT.found, json: { builds: 0 } })
  expect((await tidemark('list')).json).toMatchObject({ projections: [{ build: null }] })
})

test('without a name the live projections of a lane are held, and let go', async () => {
  expect(await tidemark('pause', '--by', 'bob')).toMatchObject({ exit: EXIT.ok, json: { kind: 'paused', lanes: 1 } })
  expect((await tidemark('list')).json).toMatchObject({ projections: [{ pausedBy: 'bob' }] })
  expect(await tidemark('resume')).toMatchObject({ exit: EXIT.ok, json: { kind: 'resumed', lanes: 1 } })
  expect(await tidemark('resume')).toMatchObject({ exit: EXIT.found, json: { lanes: 0 } })
})

test('what is not there, or cannot be, is said', async () => {
  expect(await tidemark('rebuild', 'orders')).toMatchObject({ exit: EXIT.found, json: { kind: 'unknown' } })
  expect(await tidemark('rollback', NAME)).toMatchObject({ exit: EXIT.found, json: { kind: 'nothing' } })
  expect(await tidemark('rebuild', NAME, '--share', '300')).toMatchObject({ exit: EXIT.usage })
  expect(await tidemark('rebuild', NAME, '--parts', '65')).toMatchObject({ exit: EXIT.usage })
})
