import { createMemoryStore } from '@tidemark/testing'
import { newAppend, newEvent, newId } from '@tidemark/testing/event-store-contract'
import type { EventStore, StreamRead } from '@tidemark/core'
import { beforeEach, expect, test } from 'vitest'
import { createAggregateLoader, type AggregateLoaderOptions, type SnapshotProblem } from './aggregate-loader.ts'
import type { Snapshot, Snapshots } from './snapshots.ts'
import { addTo, counterDomain, type CounterState } from './test-counter.ts'

const STREAM = 'counter/a'
let store: EventStore
let kept: Map<string, Snapshot>
let snapshots: Snapshots
let reads: StreamRead[]
let problems: SnapshotProblem[]
let clock: number

beforeEach(() => {
  store = createMemoryStore()
  kept = new Map()
  reads = []
  problems = []
  clock = Date.parse('2026-11-21T10:00:00.000Z')
  snapshots = {
    read: async (tenant, stream) => kept.get(`${tenant} ${stream}`),
    async save(snapshot) {
      const state = JSON.parse(JSON.stringify(snapshot.state)) as Snapshot['state']
      kept.set(`${snapshot.tenant} ${snapshot.stream}`, { ...snapshot, state, takenAt: new Date(clock).toISOString() })
      return { kind: 'saved' }
    },
    discard: async ({ tenant, stream }) => void kept.delete(`${tenant} ${stream}`),
  }
})

const loaderOf = (options: Partial<AggregateLoaderOptions> = {}) =>
  createAggregateLoader({
    store: {
      readStreams(asked) {
        reads.push(...asked)
        return store.readStreams(asked)
      },
    },
    domain: counterDomain(),
    snapshots,
    now: () => clock,
    onProblem: (problem) => problems.push(problem),
    ...options,
  })
const keptSnapshot = (): Snapshot | undefined => kept.get(`acme ${STREAM}`)
const loaded = (version: number, sum: number, snapshotVersion: number) => ({
  kind: 'loaded',
  version,
  state: { sum } satisfies CounterState,
  snapshotVersion,
})

test('a stream without events has the initial state and gets no snapshot', async () => {
  const loader = loaderOf()
  expect(await loader.load('acme', STREAM)).toMatchObject({ ...loaded(0, 0, 0), eventId: '' })
  expect(await loader.snapshot('acme', STREAM)).toMatchObject({ kind: 'loaded', version: 0 })
  expect(keptSnapshot()).toBeUndefined()
})

test('a load that folded many events leaves a snapshot, and the next reads only one event before the tail', async () => {
  await addTo(store, STREAM, 250)
  const loader = loaderOf()
  expect(await loader.load('acme', STREAM)).toMatchObject(loaded(250, 250, 0))
  await loader.settled()
  expect(keptSnapshot()).toMatchObject({ version: 250, schema: 1, state: { sum: 250 } })
  await addTo(store, STREAM, 3)
  reads.length = 0
  expect(await loader.load('acme', STREAM)).toMatchObject({ ...loaded(253, 253, 250), folded: 3 })
  expect(reads.map((read) => read.after)).toEqual([249])
})

test('a short stream that is loaded often gets a snapshot', async () => {
  await addTo(store, STREAM, 30)
  const loader = loaderOf({ policy: { often: { loads: 3, events: 20 } } })
  for (let loads = 1; loads <= 2; loads++) await loader.load('acme', STREAM)
  await loader.settled()
  expect(keptSnapshot()).toBeUndefined()
  await loader.load('acme', STREAM)
  await loader.settled()
  expect(keptSnapshot()).toMatchObject({ version: 30 })
})

test('an old snapshot is renewed by the first load that finds newer events', async () => {
  await addTo(store, STREAM, 1)
  const loader = loaderOf({ policy: { staleMs: 1_000 } })
  await loader.snapshot('acme', STREAM)
  clock += 1_000
  await loader.load('acme', STREAM)
  await loader.settled()
  expect(keptSnapshot()).toMatchObject({ version: 1 })
  await addTo(store, STREAM, 1)
  await loader.load('acme', STREAM)
  await loader.settled()
  expect(keptSnapshot()).toMatchObject({ version: 2 })
})

test('a stream longer than a page is read page by page', async () => {
  await addTo(store, STREAM, 25)
  expect(await loaderOf({ pageEvents: 10 }).load('acme', STREAM)).toMatchObject(loaded(25, 25, 0))
  expect(reads.map((read) => [read.after, read.limit])).toEqual([
    [0, 10],
    [10, 10],
    [20, 10],
  ])
})

test('a snapshot of another history of the log is thrown away', async () => {
  await addTo(store, STREAM, 250)
  await loaderOf().snapshot('acme', STREAM)
  const elsewhere = keptSnapshot()
  if (elsewhere === undefined) throw new Error('no snapshot')
  kept.set(`acme ${STREAM}`, { ...elsewhere, eventId: newId(), state: { sum: 7 } })
  expect(await loaderOf({ policy: { everyEvents: false } }).load('acme', STREAM)).toMatchObject(loaded(250, 250, 0))
  expect(keptSnapshot()).toBeUndefined()
})

test('a snapshot ahead of a log that lost its end is thrown away', async () => {
  await addTo(store, STREAM, 10)
  await loaderOf().snapshot('acme', STREAM)
  store = createMemoryStore()
  await addTo(store, STREAM, 4)
  expect(await loaderOf().load('acme', STREAM)).toMatchObject(loaded(4, 4, 0))
  expect(keptSnapshot()).toBeUndefined()
})

test('a snapshot of an older declaration is ignored and rebuilt where no migration leads here', async () => {
  await addTo(store, STREAM, 250)
  await loaderOf().snapshot('acme', STREAM)
  const loader = loaderOf({ domain: counterDomain(2, 10) })
  expect(await loader.load('acme', STREAM)).toMatchObject(loaded(250, 2_500, 0))
  await loader.settled()
  expect(keptSnapshot()).toMatchObject({ schema: 2, state: { sum: 2_500 } })
})

test('a snapshot of an older declaration is migrated step by step, then stored again', async () => {
  await addTo(store, STREAM, 250)
  await loaderOf().snapshot('acme', STREAM)
  const times = (n: number) => (state: CounterState) => ({ sum: state.sum * n })
  const loader = loaderOf({ domain: counterDomain(3, 10), migrations: { counter: { 1: times(2), 2: times(5) } } })
  await addTo(store, STREAM, 1)
  expect(await loader.load('acme', STREAM)).toMatchObject({ ...loaded(251, 2_510, 250), folded: 1 })
  await loader.settled()
  expect(keptSnapshot()).toMatchObject({ schema: 3, version: 251 })
})

test('a chain of migrations with a hole is no chain, and a step that throws is reported', async () => {
  await addTo(store, STREAM, 5)
  await loaderOf().snapshot('acme', STREAM)
  const holed = loaderOf({ domain: counterDomain(3), migrations: { counter: { 1: (state: CounterState) => state } } })
  expect(await holed.load('acme', STREAM)).toMatchObject(loaded(5, 5, 0))
  const fails = (): never => {
    throw new Error('no')
  }
  const throwing = loaderOf({ domain: counterDomain(2), migrations: { counter: { 1: fails } } })
  expect(await throwing.load('acme', STREAM)).toMatchObject(loaded(5, 5, 0))
  expect(problems).toMatchObject([{ stream: STREAM, cause: { message: 'no' } }])
})

test('a snapshot of newer code is ignored', async () => {
  await addTo(store, STREAM, 5)
  await loaderOf({ domain: counterDomain(2, 10) }).snapshot('acme', STREAM)
  expect(await loaderOf().load('acme', STREAM)).toMatchObject(loaded(5, 5, 0))
})

test('without a place for snapshots a load still answers, and says what was wrong', async () => {
  await addTo(store, STREAM, 250)
  const broken: Snapshots = {
    read: () => Promise.reject(new Error('read')),
    save: () => Promise.reject(new Error('save')),
    discard: () => Promise.reject(new Error('discard')),
  }
  const loader = loaderOf({ snapshots: broken })
  expect(await loader.load('acme', STREAM)).toMatchObject(loaded(250, 250, 0))
  await loader.settled()
  expect(problems.map((problem) => (problem.cause as Error).message)).toEqual(['read', 'save'])
})

test('an event that this code cannot read is told with its version', async () => {
  await addTo(store, STREAM, 2)
  await store.append(newAppend({ stream: STREAM, events: [newEvent({ by: 'x' }, 'counter.added')] }))
  expect(await loaderOf().load('acme', STREAM)).toMatchObject({
    kind: 'unreadable',
    version: 3,
    failure: { kind: 'invalid-data', type: 'counter.added' },
  })
})

test('a stream of no aggregate is unknown', async () => {
  expect(await loaderOf().load('acme', 'nothing/a')).toEqual({ kind: 'unknown-aggregate' })
})
