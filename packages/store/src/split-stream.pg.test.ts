import { newAppend, newCommand, newEvent } from '@tidemark/testing/event-store-contract'
import { testDatabase, type TestDatabase } from '@tidemark/testing/postgres'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createAggregateLoader } from './aggregate-loader.ts'
import { openStore, type PostgresStore } from './open-store.ts'
import { createSnapshots } from './snapshots.ts'
import { splitStream, type SplitRequest } from './split-stream.ts'
import { addTo, counterDomain } from './test-counter.ts'
import { verifyLog } from './verify-log.ts'

const OLD = 'counter/old'
const NEXT = 'counter/next'
let database: TestDatabase
let store: PostgresStore

beforeEach(async () => {
  database = await testDatabase()
  store = await openStore({ url: database.url })
  await addTo(store, OLD, 30)
})

afterEach(async () => {
  await store.close()
  await database.drop()
})

const added = (by: number) => newEvent({ by }, 'counter.added')
const request = (part: Partial<SplitRequest> = {}): SplitRequest => ({
  tenant: 'acme',
  stream: OLD,
  expected: 30,
  successor: NEXT,
  principal: 'ada',
  device: null,
  command: newCommand(),
  occurredAt: '2026-11-21T10:00:00.000Z',
  close: added(0),
  open: [added(30)],
  ...part,
})
const split = (part: Partial<SplitRequest> = {}) => splitStream(store.sql(), 0, request(part))
const streams = () => store.readStreams([OLD, NEXT].map((stream) => ({ tenant: 'acme', stream, after: 0 })))

test('a split closes the stream with a link and opens its successor with what is carried forward', async () => {
  expect(await split({ open: [added(20), added(10)] })).toEqual({ kind: 'split', version: 2, lane: 0, position: 33 })
  const [old = [], next = []] = await streams()
  expect(old).toHaveLength(31)
  expect(old.at(-1)?.metadata).toEqual({ 'tidemark:successor': NEXT })
  expect(next.map((event) => event.data)).toEqual([{ by: 20 }, { by: 10 }])
  expect(next[0]?.metadata).toEqual({ 'tidemark:predecessor': OLD })
  expect(await verifyLog({ sql: store.sql() })).toMatchObject({ kind: 'clean' })
})

test('whatever an append to a closed stream expects, it is told where the stream goes on, and writes nothing', async () => {
  await split()
  const closed = { kind: 'stream-closed', successor: NEXT }
  for (const expected of ['any', 'stream-exists', 31] as const) {
    expect(await store.append(newAppend({ stream: OLD, expected }))).toEqual(closed)
  }
  expect(await store.append(newAppend({ stream: OLD, expected: 30 }))).toEqual({ kind: 'conflict', current: 31 })
  expect((await streams())[0]).toHaveLength(31)
  expect(await store.append(newAppend({ stream: NEXT, expected: 1 }))).toMatchObject({ kind: 'appended', version: 2 })
})

test('in a batch an append to a closed stream harms no neighbour', async () => {
  await split()
  const appends = [newAppend(), newAppend({ stream: OLD }), newAppend(), newAppend({ stream: OLD }), newAppend()]
  const answers = await Promise.all(appends.map((append) => store.append(append)))
  expect(answers.map((answer) => answer.kind)).toEqual([
    'appended',
    'stream-closed',
    'appended',
    'stream-closed',
    'appended',
  ])
})

test('a command that the stream took before it was closed keeps its result', async () => {
  const known = newAppend({ stream: OLD, expected: 30, command: newCommand() })
  await store.append(known)
  await split({ expected: 31 })
  expect(await store.append(known)).toMatchObject({ kind: 'duplicate', result: { stream: OLD, version: 31 } })
})

test('a merged append to a closed stream is told so too', async () => {
  await split()
  const { command: _, ...append } = newAppend({ stream: OLD })
  const members = [{ principal: 'ada', device: null, command: newCommand() }]
  expect(await store.appendMerged({ ...append, members })).toEqual({ kind: 'stream-closed', successor: NEXT })
  expect((await streams())[0]).toHaveLength(31)
})

test('of a split and appends at once each append is in the stream before its end, or nowhere', async () => {
  const appends = Array.from({ length: 40 }, () => store.append(newAppend({ stream: OLD, events: [added(1)] })))
  const splitting = (async () => {
    for (;;) {
      const [old = []] = await streams()
      const answer = await split({ expected: old.length })
      if (answer.kind !== 'conflict') return answer
    }
  })()
  for (let more = 0; more < 40; more++) appends.push(store.append(newAppend({ stream: OLD, events: [added(1)] })))
  const answers = await Promise.all(appends)
  expect(await splitting).toMatchObject({ kind: 'split' })
  const [old = []] = await streams()
  expect(old.at(-1)?.metadata).toEqual({ 'tidemark:successor': NEXT })
  expect(old).toHaveLength(31 + answers.filter((answer) => answer.kind === 'appended').length)
})

test('a split that was asked twice happens once; another one is told that the stream is closed', async () => {
  const asked = request()
  await splitStream(store.sql(), 0, asked)
  expect(await splitStream(store.sql(), 0, asked)).toMatchObject({
    kind: 'duplicate',
    result: { stream: OLD, version: 31 },
  })
  const other = { ...asked, command: { ...asked.command, hash: 'b'.repeat(32) } }
  expect(await splitStream(store.sql(), 0, other)).toEqual({ kind: 'command-reused' })
  expect(await split({ successor: 'counter/third' })).toEqual({ kind: 'stream-closed', successor: NEXT })
})

test('a split writes nothing where it was decided on an older version, or the successor is there', async () => {
  expect(await split({ expected: 29 })).toEqual({ kind: 'conflict', current: 30 })
  await addTo(store, NEXT, 1)
  expect(await split()).toEqual({ kind: 'successor-exists' })
  expect(await split({ successor: OLD })).toMatchObject({ kind: 'invalid', issues: [{ path: '/successor' }] })
  expect(await split({ open: [] })).toMatchObject({ kind: 'invalid', issues: [{ path: '/open' }] })
  expect((await streams()).map((events) => events.length)).toEqual([30, 1])
})

test('loading a split stream follows its links to the open one', async () => {
  await split()
  await addTo(store, NEXT, 5)
  await split({ stream: NEXT, expected: 6, successor: 'counter/third', open: [added(35)] })
  await addTo(store, 'counter/third', 2)
  const snapshots = createSnapshots(store.sql())
  const loader = createAggregateLoader({ store, domain: counterDomain(), snapshots })
  const end = { kind: 'loaded', stream: 'counter/third', version: 3, state: { sum: 37 } }
  expect(await loader.load('acme', OLD)).toMatchObject(end)
  // A snapshot is of the very stream, and does not hide the link.
  expect(await loader.snapshot('acme', OLD)).toMatchObject({ kind: 'taken', version: 31 })
  expect(await snapshots.read('acme', OLD)).toMatchObject({ version: 31, state: { sum: 30 } })
  expect(await loader.load('acme', OLD)).toMatchObject(end)
})
