import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { newAppend, newEvent, newId } from '@tidemark/testing/event-store-contract'
import { testDatabase, type TestDatabase } from '@tidemark/testing/postgres'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createAggregateLoader } from './aggregate-loader.ts'
import { createFileArchive, type ArchiveStorage } from './archive-storage.ts'
import { archiveStreams } from './archive-streams.ts'
import { openStore, type PostgresStore } from './open-store.ts'
import { createSnapshots } from './snapshots.ts'
import { addTo, counterDomain } from './test-counter.ts'
import { verifyLog } from './verify-log.ts'

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

const run = (rangeSize = 100) => verifyLog({ sql: store.sql(), rangeSize })

test('an empty log is clean', async () => {
  expect(await run()).toEqual({ kind: 'clean', lanes: [], findings: [] })
})

test('a log that only the store wrote to is clean, and its hashes stay as it grows', async () => {
  await addTo(store, 'counter/a', 150)
  await addTo(store, 'counter/b', 60)
  const before = await run()
  expect(before).toMatchObject({ kind: 'clean', lanes: [{ lane: 0, head: 210, events: 210 }], findings: [] })
  expect(before.lanes[0]?.ranges.map(({ from, to }) => [from, to])).toEqual([
    [1, 100],
    [101, 200],
    [201, 210],
  ])
  await addTo(store, 'counter/a', 100)
  const after = await run()
  expect(after.lanes[0]?.ranges.slice(0, 2)).toEqual(before.lanes[0]?.ranges.slice(0, 2))
  expect(after.lanes[0]?.ranges[2]?.hash).not.toBe(before.lanes[0]?.ranges[2]?.hash)
})

test('a changed event changes the hash of its range and of all after it, and of none before', async () => {
  await addTo(store, 'counter/a', 250)
  const before = await run()
  await store.sql().query(`update tidemark.events set data = '{"by": 2}' where position = 150`)
  const after = await run()
  const same = before.lanes[0]?.ranges.map((range, index) => range.hash === after.lanes[0]?.ranges[index]?.hash)
  expect(same).toEqual([true, false, false])
})

test('missing events are a gap of positions and of versions', async () => {
  await addTo(store, 'counter/a', 10)
  await store.append(newAppend({ stream: 'counter/b', events: [newEvent()] }))
  await store.sql().query('delete from tidemark.events where position in (4, 5, 9)')
  expect(await run()).toMatchObject({
    kind: 'damaged',
    findings: [
      { kind: 'position-gap', lane: 0, from: 4, to: 5 },
      { kind: 'position-gap', lane: 0, from: 9, to: 9 },
      { kind: 'version-gap', tenant: 'acme', stream: 'counter/a', first: 1, last: 10, events: 7 },
    ],
  })
})

test('time that runs backwards is told', async () => {
  await addTo(store, 'counter/a', 5)
  await store.sql().query(`update tidemark.events set recorded_at = recorded_at + interval '1 hour' where position = 3`)
  expect(await run()).toMatchObject({ findings: [{ kind: 'time-backwards', lane: 0, position: 4 }] })
})

test('a snapshot of an event that is not in the log is told', async () => {
  await addTo(store, 'counter/a', 5)
  const snapshot = { tenant: 'acme', stream: 'counter/a', version: 5, eventId: newId(), schema: 1, state: {} }
  await createSnapshots(store.sql()).save(snapshot)
  expect(await run()).toMatchObject({ findings: [{ kind: 'stray-snapshot', stream: 'counter/a', version: 5 }] })
})

test('a run can be cancelled', async () => {
  await addTo(store, 'counter/a', 5)
  const cancelling = new AbortController()
  cancelling.abort()
  expect(await verifyLog({ sql: store.sql(), signal: cancelling.signal })).toMatchObject({ kind: 'cancelled' })
})

describe('with archived streams', () => {
  let directory: string
  let archive: ArchiveStorage

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tidemark-archive-'))
    archive = createFileArchive({ directory })
    for (let round = 0; round < 5; round++) {
      await addTo(store, 'counter/a', 30)
      await addTo(store, 'counter/b', 20)
    }
    const snapshots = createSnapshots(store.sql())
    const loader = createAggregateLoader({ store, domain: counterDomain(), snapshots })
    await loader.snapshot('acme', 'counter/a')
  })
  afterEach(() => rm(directory, { recursive: true }))

  const move = () => archiveStreams({ sql: store.sql(), storage: archive, keep: 9, minEvents: 1, fileEvents: 40 })
  const verify = () => verifyLog({ sql: store.sql(), archive, rangeSize: 100 })

  test('a log is clean and has the hashes that it had before, archived or not', async () => {
    const before = await verify()
    expect(before).toMatchObject({ kind: 'clean', lanes: [{ events: 250, archived: 0 }] })
    await move()
    const after = await verify()
    expect(after).toMatchObject({ kind: 'clean', lanes: [{ head: 250, events: 250, archived: 140 }] })
    expect(after.lanes[0]?.ranges).toEqual(before.lanes[0]?.ranges)
  })

  test('a file that is damaged or gone is told, and so are the positions that it leaves empty', async () => {
    await move()
    const [gone, damaged] = (await archive.list()).toSorted()
    if (gone === undefined || damaged === undefined) throw new Error('no files')
    await archive.delete(gone)
    await archive.put(damaged, new Uint8Array([1, 2, 3]))
    const { kind, findings } = await verify()
    expect(kind).toBe('damaged')
    expect(findings.filter((finding) => finding.kind === 'archive-unreadable')).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ file: gone, reason: 'missing' }),
        expect.objectContaining({ file: damaged, reason: 'damaged' }),
      ]),
    )
    expect(findings.some((finding) => finding.kind === 'position-gap')).toBe(true)
    expect(await verifyLog({ sql: store.sql() })).toMatchObject({
      kind: 'damaged',
      findings: expect.arrayContaining([expect.objectContaining({ reason: 'not-configured' })]) as unknown,
    })
  })

  test('a stream whose archive lost a file’s row has a gap of versions', async () => {
    await move()
    await store.sql().query('delete from tidemark.archived where first_version = 41')
    const { findings } = await verify()
    expect(findings).toContainEqual({
      kind: 'version-gap',
      tenant: 'acme',
      stream: 'counter/a',
      first: 1,
      last: 150,
      events: 110,
    })
  })
})
