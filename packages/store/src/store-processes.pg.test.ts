/**
 * Several processes on one database: each is a store of its own.
 */
import { newAppend, newCommand, newStream, collect } from '@tidemark/testing/event-store-contract'
import { testDatabase, type TestDatabase } from '@tidemark/testing/postgres'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Driver } from './driver.ts'
import { openStore, type PostgresStore, type StoreOptions } from './open-store.ts'

let database: TestDatabase
const opened: PostgresStore[] = []

beforeEach(async () => {
  database = await testDatabase()
})

afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()))
  await database.drop()
})

async function open(options: Partial<StoreOptions> = {}): Promise<PostgresStore> {
  const store = await openStore({ url: database.url, ...options })
  opened.push(store)
  return store
}

/** So long that only a hint can end a subscriber's wait. */
const NEVER = 2 ** 31 - 1

test('processes that start at once migrate once, and agree on epoch and lanes', async () => {
  const stores = await Promise.all([open(), open(), open(), open()])
  expect(new Set(await Promise.all(stores.map((store) => store.epoch()))).size).toBe(1)
  expect(await Promise.all(stores.map((store) => store.laneOf('acme')))).toEqual([0, 0, 0, 0])
})

test('of many processes that expect the same version exactly one wins', async () => {
  const stores = await Promise.all([open(), open(), open()])
  const stream = newStream()
  const requests = Array.from({ length: 60 }, (_, index) => ({
    store: stores[index % 3] as PostgresStore,
    request: newAppend({ stream, expected: 0, command: newCommand() }),
  }))
  const answers = await Promise.all(requests.map(({ store, request }) => store.append(request)))
  expect(answers.filter((answer) => answer.kind === 'appended')).toHaveLength(1)
  expect(answers.filter((answer) => answer.kind === 'conflict')).toHaveLength(59)
})

test('one command sent through many processes at once has one effect', async () => {
  const stores = await Promise.all([open(), open(), open()])
  for (let round = 0; round < 20; round++) {
    const command = newCommand()
    const answers = await Promise.all(
      // Different streams: only the command id tells that they are the same.
      stores.map((store) => store.append(newAppend({ command, stream: newStream() }))),
    )
    expect(answers.map((answer) => answer.kind).sort()).toEqual(['appended', 'duplicate', 'duplicate'])
  }
})

test('a reader beside 32 writers in two processes sees every event once, in order', async () => {
  const [left, right, reader] = [await open(), await open(), await open()]
  const total = 32 * 50
  const collected = collect(reader, { lane: 0, after: 0, batch: 64 }, (events) => events.length >= total)
  await Promise.all(
    Array.from({ length: 32 }, async (_, index) => {
      const store = index % 2 === 0 ? left : right
      for (let count = 0; count < 50; count++) {
        const answer = await store.append(newAppend({ command: newCommand() }))
        expect(answer.kind).toBe('appended')
      }
    }),
  )
  const positions = (await collected).map((event) => event.position)
  expect(positions.findIndex((position, index) => position !== index + 1)).toBe(-1)
  expect(positions).toHaveLength(total)
})

test('a hint wakes the readers of another process, for appends and for settles', async () => {
  const [writer, reader] = [await open(), await open({ pollMs: NEVER })]
  const controller = new AbortController()
  const events = reader.subscribe({ lane: 0, after: 0, signal: controller.signal })[Symbol.asyncIterator]()
  for (let count = 1; count <= 3; count++) {
    const next = events.next()
    await writer.append(newAppend())
    expect((await next).value).toMatchObject([{ position: count }])
  }
  controller.abort()
})

test('a lost listener listens again, and what was missed meanwhile is found', async () => {
  const [writer, reader] = [await open(), await open({ pollMs: NEVER, applicationName: 'reader' })]
  const controller = new AbortController()
  const events = reader.subscribe({ lane: 0, after: 0, signal: controller.signal })[Symbol.asyncIterator]()
  const first = events.next()
  await writer.append(newAppend())
  await first
  for (let count = 2; count <= 6; count++) {
    const next = events.next()
    await killListener(writer.sql())
    await writer.append(newAppend())
    expect((await next).value).toMatchObject([{ position: count }])
  }
  controller.abort()
})

test('without hints polling is enough', async () => {
  const [writer, reader] = [await open({ hints: false }), await open({ hints: false, pollMs: 10 })]
  const collected = collect(reader, { lane: 0, after: 0 }, (events) => events.length >= 2)
  await writer.append(newAppend())
  await writer.append(newAppend())
  expect((await collected).map((event) => event.position)).toEqual([1, 2])
})

test('an append refuses a transaction whose snapshot would hide other writers', async () => {
  const sql = (await open()).sql()
  await expect(
    sql.script(`set transaction isolation level repeatable read; select tidemark.lock_lane(0);`),
  ).rejects.toMatchObject({ code: '25000', message: expect.stringContaining('read committed') as string })
})

test('recorded times never run backwards, although the clock of the machine did', async () => {
  const store = await open()
  await store.append(newAppend())
  await store.sql().query(`update tidemark.events set recorded_at = recorded_at + interval '1 hour'`)
  const [ahead] = await store.readLane({ lane: 0, after: 0, limit: 1 })
  await store.append(newAppend())
  await Promise.all([store.append(newAppend()), store.append(newAppend()), store.append(newAppend({ expected: 0 }))])
  const later = await store.readLane({ lane: 0, after: 1, limit: 10 })
  expect(later.map((event) => event.recordedAt)).toEqual(Array(4).fill(ahead?.recordedAt))
})

test('another system identifier or timeline starts a new epoch, once', async () => {
  const first = await open()
  const epoch = await first.epoch()
  await first.sql().query('update tidemark.log set timeline = timeline + 1')
  const [second, third] = await Promise.all([open(), open()])
  const restored = await second.epoch()
  expect(restored).not.toBe(epoch)
  expect(await third.epoch()).toBe(restored)
})

async function killListener(sql: Driver): Promise<void> {
  for (;;) {
    const rows = await sql.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = 'reader listener'`,
    )
    if (rows.length > 0) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
