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
