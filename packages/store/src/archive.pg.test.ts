import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { StoredEvent } from '@tidemark/core'
import { collect, newAppend, newCommand, newEvent } from '@tidemark/testing/event-store-contract'
import { testDatabase, type TestDatabase } from '@tidemark/testing/postgres'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createAggregateLoader } from './aggregate-loader.ts'
import { createFileArchive, type ArchiveStorage } from './archive-storage.ts'
import { archiveStreams, type ArchiveOptions } from './archive-streams.ts'
import type { ArchiveError } from './errors.ts'
import { openStore, type PostgresStore } from './open-store.ts'
import { restoreStreams } from './restore-streams.ts'
import { createSnapshots } from './snapshots.ts'
import { addTo, counterDomain } from './test-counter.ts'

const A = 'counter/a'
const B = 'counter/b'
let database: TestDatabase
let store: PostgresStore
let directory: string
let storage: ArchiveStorage

beforeEach(async () => {
  database = await testDatabase()
  directory = await mkdtemp(join(tmpdir(), 'tidemark-archive-'))
  storage = createFileArchive({ directory })
  store = await openStore({ url: database.url, archive: storage })
})

afterEach(async () => {
  await store.close()
  await database.drop()
  await rm(directory, { recursive: true })
})

const archive = (part: Partial<ArchiveOptions> = {}) =>
  archiveStreams({ sql: store.sql(), storage, keep: 0, minEvents: 1, fileEvents: 10, ...part })
const snapshotOf = (stream: string) =>
  createAggregateLoader({ store, domain: counterDomain(), snapshots: createSnapshots(store.sql()) }).snapshot(
    'acme',
    stream,
  )
const countInTable = async (): Promise<number> => {
  const [row] = await store.sql().query<{ count: number }>('select count(*) as count from tidemark.events')
  return row?.count ?? -1
}
/** All of the log, by every way of reading it that the port has. */
const readAll = async () => ({
  streams: await store.readStreams([
    { tenant: 'acme', stream: A, after: 0 },
    { tenant: 'acme', stream: B, after: 0 },
    { tenant: 'acme', stream: A, after: 7, limit: 30 },
    { tenant: 'acme', stream: A, after: 3, limit: 2 },
    { tenant: 'acme', stream: A, after: 60 },
    { tenant: 'acme', stream: A, after: 1_000, limit: 5 },
    { tenant: 'other', stream: A, after: 0, limit: 5 },
  ]),
  streamPages: await Promise.all(
    (['forwards', 'backwards'] as const).flatMap((direction) =>
      [{}, { from: 12, limit: 20 }, { types: ['counter.added'], window: 25 }, { types: ['no.such'] }].map((part) =>
        store.readStreamPage({ tenant: 'acme', stream: A, direction, ...part }),
      ),
    ),
  ),
  lane: await store.readLane({ lane: 0, after: 0, limit: 1_000 }),
  pages: await Promise.all([0, 5, 33, 90].map((after) => store.readLane({ lane: 0, after, limit: 7 }))),
  types: await store.readLane({ lane: 0, after: 2, limit: 60, types: ['counter.added'] }),
  otherTypes: await store.readLane({ lane: 0, after: 0, limit: 60, types: ['counter.other'] }),
  followed: await collect(store, { lane: 0, after: 0, batch: 13 }, (events) => events.length >= 110),
  head: await store.head(0),
})
/** Two streams whose events lie between each other, 60 and 50 of them. */
async function fillTwo(): Promise<void> {
  for (let round = 0; round < 10; round++) {
    await addTo(store, A, 6)
    await addTo(store, B, 5)
  }
  await snapshotOf(A)
  await snapshotOf(B)
}

test('what is archived leaves the table, and every way of reading gives what it gave before', async () => {
  await fillTwo()
  const before = await readAll()
  expect(before.followed).toHaveLength(110)
  const done = await archive()
  expect(done).toMatchObject({ kind: 'done', events: 108, files: 11 })
  expect(await countInTable()).toBe(2)
  expect(await readAll()).toEqual(before)
})

test('an archived stream goes on where it was: versions and positions are never given twice', async () => {
  await fillTwo()
  await archive()
  expect(await store.append(newAppend({ stream: A, expected: 59 }))).toEqual({ kind: 'conflict', current: 60 })
  const answer = await store.append(
    newAppend({ stream: A, expected: 60, events: [newEvent({ by: 1 }, 'counter.added')] }),
  )
  expect(answer).toMatchObject({ kind: 'appended', version: 61, position: 111 })
  const events = await store.readLane({ lane: 0, after: 0, limit: 1_000 })
  expect(events.map((event) => event.position)).toEqual(Array.from({ length: 111 }, (_, index) => index + 1))
})

test('a command whose events are archived still has its first result, and is refused with another body', async () => {
  const command = newCommand()
  const request = newAppend({ stream: A, expected: 0, command, events: [newEvent({ by: 1 }, 'counter.added')] })
  const first = await store.append(request)
  await addTo(store, A, 20)
  await snapshotOf(A)
  const result = await store.results('acme', 'ada', [command.id])
  await archive()
  expect(first).toMatchObject({ kind: 'appended', version: 1, position: 1 })
  expect(await countInTable()).toBe(1)
  expect(await store.append(request)).toEqual({ kind: 'duplicate', result: result.get(command.id) })
  expect(await store.results('acme', 'ada', [command.id])).toEqual(result)
  const other = { ...request, command: { id: command.id, hash: 'b'.repeat(32) } }
  expect(await store.append(other)).toEqual({ kind: 'command-reused' })
  // In a batch with others, and as a settled outcome, it is known as well.
  const [known, fresh] = await Promise.all([store.append(request), store.append(newAppend())])
  expect([known.kind, fresh.kind]).toEqual(['duplicate', 'appended'])
})

test('restore puts everything back as it was, and empties the archive', async () => {
  const command = newCommand()
  await store.append(newAppend({ stream: A, command, events: [newEvent(null, 'counter.other'), newEvent({ by: 2 })] }))
  await addTo(store, B, 30)
  await addTo(store, A, 30)
  const snapshot = { tenant: 'acme', schema: 1, state: {} }
  const last = (await store.readStreams([A, B].map((stream) => ({ tenant: 'acme', stream, after: 0 })))).map((e) =>
    e.at(-1),
  )
  for (const event of last) {
    if (event === undefined) throw new Error('no event')
    const { stream, version } = event
    await createSnapshots(store.sql()).save({ ...snapshot, stream, version, eventId: event.id })
  }
  const rows = () => store.sql().query('select * from tidemark.events order by position')
  const outcomes = () => store.sql().query('select * from tidemark.outcomes')
  const before = await rows()
  await archive()
  expect(await outcomes()).toHaveLength(1)
  expect(await restoreStreams({ sql: store.sql(), storage })).toMatchObject({ kind: 'done', events: 60, files: 7 })
  expect(await rows()).toEqual(before)
  expect(await outcomes()).toEqual([])
  expect(await storage.list()).toEqual([])
})

test('a restore that was stopped half way is read through like any archive, and goes on', async () => {
  await fillTwo()
  const before = await readAll()
  await archive()
  const cancelling = new AbortController()
  let files = 0
  const stopped = await restoreStreams({
    sql: store.sql(),
    storage,
    signal: cancelling.signal,
    onProgress: () => {
      if (++files === 3) cancelling.abort()
    },
  })
  expect(stopped).toMatchObject({ kind: 'cancelled', files: 3 })
  expect(await readAll()).toEqual(before)
  expect(await restoreStreams({ sql: store.sql(), storage })).toMatchObject({ kind: 'done', files: 8 })
  expect(await readAll()).toEqual(before)
})

describe('nothing is archived', () => {
  test('without a snapshot, or above it', async () => {
    await addTo(store, A, 20)
    expect(await archive()).toMatchObject({ kind: 'done', events: 0 })
    await snapshotOf(A)
    await addTo(store, A, 20)
    expect(await archive()).toMatchObject({ events: 19 })
    expect(await archive()).toMatchObject({ events: 0 })
    expect(await countInTable()).toBe(21)
  })

  test('on the word of a snapshot from another history', async () => {
    await addTo(store, A, 20)
    const eventId = newEvent().id
    const stray = { tenant: 'acme', stream: A, version: 20, eventId, schema: 1, state: {} }
    await createSnapshots(store.sql()).save(stray)
    expect(await archive()).toMatchObject({ events: 0 })
    expect(await countInTable()).toBe(20)
  })

  test('of the newest events below the snapshot that are to stay, and of streams with too few', async () => {
    await addTo(store, A, 50)
    await snapshotOf(A)
    expect(await archive({ keep: 15, minEvents: 35 })).toMatchObject({ events: 0 })
    expect(await archive({ keep: 15, minEvents: 34 })).toMatchObject({ events: 34 })
    expect(await countInTable()).toBe(16)
  })

  test('where a file does not come back as it was stored', async () => {
    await addTo(store, A, 20)
    await snapshotOf(A)
    const lossy: ArchiveStorage = { ...storage, get: async () => new Uint8Array([1, 2, 3]) }
    await expect(archive({ storage: lossy })).rejects.toMatchObject({ name: 'ArchiveError', kind: 'damaged' })
    expect(await countInTable()).toBe(20)
  })
})

test('a run that died after storing a file leaves the log whole, and the next run takes the file over', async () => {
  await addTo(store, A, 20)
  await snapshotOf(A)
  const dying: ArchiveStorage = {
    ...storage,
    async get(name) {
      await storage.get(name)
      throw new Error('died here')
    },
  }
  await expect(archive({ storage: dying })).rejects.toThrow('died here')
  expect(await storage.list()).toHaveLength(1)
  expect(await countInTable()).toBe(20)
  expect(await archive()).toMatchObject({ events: 19, files: 2 })
  expect(await storage.list()).toHaveLength(2)
})

test('two runs at once archive everything once', async () => {
  await fillTwo()
  const before = await readAll()
  const runs = await Promise.all([archive(), archive()])
  expect(runs[0].events + runs[1].events).toBe(108)
  expect(await readAll()).toEqual(before)
})

test('readers beside archive and restore never see a gap, a repeat or an end that is none', async () => {
  await fillTwo()
  const lane = await store.readLane({ lane: 0, after: 0, limit: 1_000 })
  const stream = lane.filter((event) => event.stream === A)
  let moving = true
  const mover = (async () => {
    for (let round = 0; round < 4; round++) {
      await archive()
      await restoreStreams({ sql: store.sql(), storage })
    }
    moving = false
  })()
  const idsOf = (events: readonly StoredEvent[]): readonly string[] => events.map((event) => event.id)
  let reads = 0
  while (moving) {
    const [streams, whole, page, typed] = await Promise.all([
      store.readStreams([
        { tenant: 'acme', stream: A, after: 0 },
        { tenant: 'acme', stream: A, after: 10, limit: 20 },
      ]),
      store.readLane({ lane: 0, after: 0, limit: 1_000 }),
      store.readLane({ lane: 0, after: 40, limit: 25 }),
      store.readLane({ lane: 0, after: 0, limit: 1_000, types: ['counter.added'] }),
    ])
    expect(idsOf(streams[0] ?? [])).toEqual(idsOf(stream))
    expect(idsOf(streams[1] ?? [])).toEqual(idsOf(stream.slice(10, 30)))
    expect(idsOf(whole)).toEqual(idsOf(lane))
    expect(idsOf(page)).toEqual(idsOf(lane.slice(40, 65)))
    expect(idsOf(typed)).toEqual(idsOf(lane))
    reads++
  }
  await mover
  expect(reads).toBeGreaterThan(3)
})

describe('events that cannot be brought from the archive are an error, never a silence', () => {
  const filesIn = async (): Promise<string[]> =>
    (await readdir(directory, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))

  beforeEach(async () => {
    await addTo(store, A, 10)
    await snapshotOf(A)
    await archive()
  })

  const expectError = async (kind: ArchiveError['kind'], from = store): Promise<void> => {
    const error = { name: 'ArchiveError', kind }
    await expect(from.readStreams([{ tenant: 'acme', stream: A, after: 0 }])).rejects.toMatchObject(error)
    await expect(from.readStreams([{ tenant: 'acme', stream: A, after: 0, limit: 3 }])).rejects.toMatchObject(error)
    await expect(from.readLane({ lane: 0, after: 0, limit: 5 })).rejects.toMatchObject(error)
    await expect(from.readLane({ lane: 0, after: 0, limit: 5, types: ['counter.added'] })).rejects.toMatchObject(error)
    await expect(collect(from, { lane: 0, after: 0 }, () => true)).rejects.toMatchObject(error)
    // What is in the table is read as ever.
    expect(await from.readLane({ lane: 0, after: 9, limit: 5 })).toHaveLength(1)
  }

  test('in a store without the archive', async () => {
    const without = await openStore({ url: database.url, hints: false })
    await expectError('not-configured', without)
    await without.close()
  })

  test('whose file is gone', async () => {
    for (const path of await filesIn()) await rm(path)
    await expectError('missing')
  })

  test('whose file was changed', async () => {
    for (const path of await filesIn()) await writeFile(path, 'something else')
    await expectError('damaged')
    await expect(restoreStreams({ sql: store.sql(), storage })).rejects.toMatchObject({ kind: 'damaged' })
    expect(await countInTable()).toBe(1)
  })
})

test('loading by snapshot needs no archive', async () => {
  await addTo(store, A, 300)
  await snapshotOf(A)
  await addTo(store, A, 5)
  await archive()
  const without = await openStore({ url: database.url, hints: false })
  const snapshots = createSnapshots(without.sql())
  const loader = createAggregateLoader({ store: without, domain: counterDomain(), snapshots })
  expect(await loader.load('acme', A)).toMatchObject({ kind: 'loaded', version: 305, state: { sum: 305 } })
  await without.close()
})
