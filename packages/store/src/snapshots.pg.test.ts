import { newId, newStream } from '@tidemark/testing/event-store-contract'
import { testDatabase, type TestDatabase } from '@tidemark/testing/postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAggregateLoader } from './aggregate-loader.ts'
import { openStore, type PostgresStore } from './open-store.ts'
import { resnapshot, type ResnapshotProgress } from './resnapshot.ts'
import { createSnapshots, MAX_STATE_LENGTH, type NewSnapshot, type Snapshots } from './snapshots.ts'
import { addTo, counterDomain } from './test-counter.ts'

let database: TestDatabase
let store: PostgresStore
let snapshots: Snapshots

beforeAll(async () => {
  database = await testDatabase()
  store = await openStore({ url: database.url })
  snapshots = createSnapshots(store.sql())
})

afterAll(async () => {
  await store.close()
  await database.drop()
})

const loaderOf = (version = 1, factor = 1) =>
  createAggregateLoader({ store, snapshots, domain: counterDomain(version, factor) })
const newSnapshot = (part: Partial<NewSnapshot> = {}): NewSnapshot => ({
  tenant: 'acme',
  stream: newStream(),
  version: 3,
  eventId: newId(),
  schema: 1,
  state: { sum: 3 },
  ...part,
})

test('a snapshot comes back as it was stored', async () => {
  const snapshot = newSnapshot({ state: { lines: [{ sku: 'a', ключ: null }], at: '2026-11-21T10:00:00.000Z', n: 0.1 } })
  expect(await snapshots.save(snapshot)).toEqual({ kind: 'saved' })
  const read = await snapshots.read('acme', snapshot.stream)
  expect(read).toEqual({ ...snapshot, takenAt: expect.stringMatching(/^\d{4}-.*Z$/) as string })
  expect(await snapshots.read('other', snapshot.stream)).toBeUndefined()
})

test('of two snapshots the newer declaration stays, then the later version, whoever comes first', async () => {
  const stream = newStream()
  const save = (schema: number, version: number) => snapshots.save(newSnapshot({ stream, schema, version }))
  expect(await save(1, 10)).toEqual({ kind: 'saved' })
  expect(await save(1, 9)).toEqual({ kind: 'superseded' })
  expect(await save(2, 5)).toEqual({ kind: 'saved' })
  expect(await save(1, 20)).toEqual({ kind: 'superseded' })
  expect(await snapshots.read('acme', stream)).toMatchObject({ schema: 2, version: 5 })
})

test('a snapshot that was replaced meanwhile is not discarded', async () => {
  const stream = newStream()
  await snapshots.save(newSnapshot({ stream, version: 1 }))
  const old = await snapshots.read('acme', stream)
  await snapshots.save(newSnapshot({ stream, version: 2 }))
  if (old !== undefined) await snapshots.discard(old)
  const current = await snapshots.read('acme', stream)
  expect(current).toMatchObject({ version: 2 })
  if (current !== undefined) await snapshots.discard(current)
  expect(await snapshots.read('acme', stream)).toBeUndefined()
})

test('a state that Postgres cannot keep is answered, not thrown', async () => {
  expect(await snapshots.save(newSnapshot({ state: { text: '\u0000' } }))).toMatchObject({
    kind: 'not-storable',
    issue: { path: '/text', code: 'nul_character' },
  })
  const large = { text: 'x'.repeat(MAX_STATE_LENGTH) }
  expect(await snapshots.save(newSnapshot({ state: large }))).toMatchObject({ issue: { code: 'too_large' } })
})

test('a stream of 3,000 events is loaded by snapshot and tail, and newer events are always read', async () => {
  const stream = `counter/${newId()}`
  await addTo(store, stream, 3_000)
  const loader = loaderOf()
  await loader.load('acme', stream)
  await loader.settled()
  await addTo(store, stream, 2)
  expect(await loaderOf().load('acme', stream)).toMatchObject({
    kind: 'loaded',
    version: 3_002,
    state: { sum: 3_002 },
    snapshotVersion: 3_000,
    folded: 2,
  })
})

test('a run over all streams stores what is missing or outdated, tells its progress, and finds nothing to do again', async () => {
  const tenant = `t-${newId()}`
  const lengths = { 'counter/a': 5, 'counter/b': 12, 'counter/c': 30, 'other/d': 40 }
  for (const [stream, count] of Object.entries(lengths)) await addTo(store, stream, count, tenant)
  const told: ResnapshotProgress[] = []
  const run = (version = 1) =>
    resnapshot({
      sql: store.sql(),
      domain: counterDomain(version),
      loader: loaderOf(version),
      tenant,
      minEvents: 10,
      onProgress: (progress) => told.push(progress),
    })
  expect(await run()).toEqual({ kind: 'done', scanned: 4, taken: 2, failed: 0, stream: 'other/d' })
  expect(told.map((progress) => [progress.taken, progress.stream])).toEqual([
    [1, 'counter/b'],
    [2, 'counter/c'],
    [2, 'other/d'],
  ])
  expect(await snapshots.read(tenant, 'counter/c')).toMatchObject({ version: 30, state: { sum: 30 } })
  expect(await run()).toMatchObject({ kind: 'done', taken: 0 })
  expect(await run(2)).toMatchObject({ kind: 'done', taken: 2 })
  expect(await snapshots.read(tenant, 'counter/b')).toMatchObject({ schema: 2 })
})

test('a cancelled run keeps what it stored', async () => {
  const tenant = `t-${newId()}`
  for (const name of ['a', 'b', 'c']) await addTo(store, `counter/${name}`, 10, tenant)
  const cancelling = new AbortController()
  const result = await resnapshot({
    sql: store.sql(),
    domain: counterDomain(),
    loader: loaderOf(),
    tenant,
    minEvents: 10,
    signal: cancelling.signal,
    onProgress: () => cancelling.abort(),
  })
  expect(result).toMatchObject({ kind: 'cancelled', taken: 1 })
  expect(await snapshots.read(tenant, 'counter/a')).toBeDefined()
  expect(await snapshots.read(tenant, 'counter/b')).toBeUndefined()
})
