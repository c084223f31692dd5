import type { NewEvent } from '@tidemark/core'
import { newCommand, newEvent } from '@tidemark/testing/event-store-contract'
import { testDatabase, type TestDatabase } from '@tidemark/testing/postgres'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createAggregateLoader } from './aggregate-loader.ts'
import { openStore, type PostgresStore } from './open-store.ts'
import { createSnapshots } from './snapshots.ts'
import { addTo, counterDomain } from './test-counter.ts'
import { verifyLog } from './verify-log.ts'

const OLD = 'counter/old'
const NEXT = 'counter/next'
let database: TestDatabase
let store: PostgresStore

beforeEach(async () => {
  database = await testDatabase()
  store = await openStore({ url: database.url })
})

afterEach(async () => {
  await store.close()
  await database.drop()
})

const added = (by: number): NewEvent => newEvent({ by }, 'counter.added')
const split = (stream: string, expected: number, successor: string, carried: number) =>
  store.splitStream({
    ...{ tenant: 'acme', principal: 'ada', device: null, occurredAt: '2026-11-21T10:00:00.000Z' },
    ...{ stream, expected, successor, command: newCommand(), close: added(0), open: [added(carried)] },
  })

test('loading a split stream follows its links to the open one, and the log is still whole', async () => {
  await addTo(store, OLD, 30)
  expect(await split(OLD, 30, NEXT, 30)).toMatchObject({ kind: 'split' })
  await addTo(store, NEXT, 5)
  expect(await split(NEXT, 6, 'counter/third', 35)).toMatchObject({ kind: 'split' })
  await addTo(store, 'counter/third', 2)
  const snapshots = createSnapshots(store.sql())
  const loader = createAggregateLoader({ store, domain: counterDomain(), snapshots })
  const end = { kind: 'loaded', stream: 'counter/third', version: 3, state: { sum: 37 } }
  expect(await loader.load('acme', OLD)).toMatchObject(end)
  // A snapshot is of the very stream, and does not hide the link.
  expect(await loader.snapshot('acme', OLD)).toMatchObject({ kind: 'taken', version: 31 })
  expect(await snapshots.read('acme', OLD)).toMatchObject({ version: 31, state: { sum: 30 } })
  expect(await loader.load('acme', OLD)).toMatchObject(end)
  expect(await verifyLog({ sql: store.sql() })).toMatchObject({ kind: 'clean' })
})

test('while backends are killed, each split happens whole and once', async () => {
  const kill = `select pg_terminate_backend(pid) from pg_stat_activity
                 where datname = current_database() and application_name = 'tidemark append'`
  await addTo(store, 'counter/0', 1)
  const kinds: string[] = []
  let kills = 0
  const killer = (async () => {
    while (kills < 5) kills += (await store.sql().query(kill)).length
  })()
  // Each goes on from what the last one opened, until enough backends were killed under them.
  for (let n = 0; n < 30 || kills < 5; n++) kinds.push((await split(`counter/${n}`, 1, `counter/${n + 1}`, 1)).kind)
  await killer
  // A split whose answer was lost is asked again, and finds that it happened.
  for (const kind of kinds) expect(['split', 'duplicate']).toContain(kind)
  const read = await store.readStreams(
    [...kinds, 'last'].map((_, n) => ({ tenant: 'acme', stream: `counter/${n}`, after: 0 })),
  )
  expect(read.map((events) => events.length)).toEqual([...kinds.map(() => 2), 1])
  expect(await verifyLog({ sql: store.sql() })).toMatchObject({ kind: 'clean' })
}, 30_000)

test('a split wakes who follows the lane', async () => {
  await addTo(store, OLD, 1)
  const woken = new Promise<number>((resolve) => {
    const stop = store.onWake((lane) => {
      stop()
      resolve(lane)
    })
  })
  await split(OLD, 1, NEXT, 1)
  expect(await woken).toBe(0)
})
