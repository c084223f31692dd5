/** Snapshots of rows: taken beside the live work, begun from, and not begun from where they are no good. */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Domain } from '@tidemark/core'
import { archiveStreams, createAggregateLoader, createFileArchive, createSnapshots } from '@tidemark/store'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createBuildOpener, type Opened } from './fill-build.ts'
import type { Projections } from './open-projections.ts'
import { createRunGuarded } from './run-guarded.ts'
import {
  beginBuildFrom,
  endFill,
  fillFromFormer,
  fillFromSnapshot,
  lookAtBuild,
  readFill,
} from './statements/build-origin.ts'
import { beginSnapshot, finishSnapshot, takePortion } from './statements/projection-snapshots.ts'
import { definitionOf } from './definition.ts'
import { takeSnapshot } from './take-snapshot.ts'
import { boxes, boxesWithFault, boxesWithNamesTwo, POISON } from './test-domain.ts'
import { createEngine, TENANT, until, type Engine } from './test-engine.ts'
import { cutOff, done, FEW_KEYS, fillLog, liveIds, pullAll } from './test-rebuild.ts'

let engine: Engine
beforeEach(async () => {
  engine = await createEngine()
})
afterEach(() => engine.close())

const NAMES = { projection: 'names' }
const BY = { principal: 'ann' }

/** Live rows of all projections are those of a replay of the log. */
async function expectReplayed(): Promise<void> {
  const live = Object.values(await liveIds(engine)).flat()
  expect(await engine.stored(undefined, live)).toEqual(await engine.replayed(boxes))
}

async function opened(events = 600): Promise<Projections> {
  const projections = await engine.open(boxes)
  projections.start()
  await fillLog(engine, events)
  await engine.settled(projections)
  return projections
}

/** The live generation of a projection, and its code. */
async function liveOf(named: string, domain: Domain = boxes) {
  const projection = domain.projections.find(({ name }) => name === named)
  const id = (await liveIds(engine))[named]?.[0]
  if (projection === undefined || id === undefined) throw new Error('The projection is not there.')
  return { lane: 0, id, projection, definition: definitionOf(projection) }
}

const settled = async (projections: Projections): Promise<number> => {
  await engine.settled(projections)
  return engine.store.head(0)
}

test('a rebuild begins from a snapshot and folds the events since, in key ranges, to the rows of a replay; --from-start folds all', async () => {
  const projections = await opened(200)
  const at = await engine.store.head(0)
  expect(await projections.rebuilds.takeSnapshot(NAMES)).toEqual([{ lane: 0, kind: 'taken' }])
  // So many that it is split.
  await fillLog(engine, 2_400)
  await engine.settled(projections)
  const client = await pullAll(projections, undefined)

  const over = await done(projections, projections.rebuilds.rebuild(NAMES, { ...BY, parts: 2 }))
  expect(over).toMatchObject({ origin: 'snapshot', originPosition: at, originNote: null, result: { told: 0 } })
  await engine.settled(projections)
  await expectReplayed()
  expect((await pullAll(projections, client)).seen).toEqual([])

  const anew = await done(projections, projections.rebuilds.rebuild(NAMES, { ...BY, fromStart: true }))
  expect(anew).toMatchObject({ origin: 'log', originPosition: 0, result: { told: 0 } })
})

test('a snapshot that was taken key by key while its rows were changed, deleted, moved and parked is as good as one of an instant', async () => {
  const projections = await opened()
  const poison = (stream: string) => engine.write({ stream, type: 'item.renamed', data: { name: POISON } })
  const put = (stream: string) => engine.write({ stream, type: 'item.put', data: { box: 'a', name: 'n1' } })
  await put('item/before')
  await poison('item/before')
  const at = await settled(projections)
  const sql = engine.store.sql()
  const snapshot = await beginSnapshot(sql, await liveOf('items'))
  if (snapshot === null) throw new Error('It was not begun.')
  let after = { tenant: '', key: '' }
  for (let portions = 0; ; portions++) {
    const portion = await takePortion(sql, { snapshot, after, limit: 25 })
    if (portion.kind === 'all') break
    expect(portion.kind).toBe('more')
    // Only who goes on from where it stands goes on.
    expect(await takePortion(sql, { snapshot, after, limit: 25 })).toMatchObject({ kind: 'gone' })
    after = { tenant: portion.tenant, key: portion.key }
    await engine.writeAtRandom(6)
    // Of streams before and behind the place of the copy.
    await put(`item/0${portions}`)
    await poison(`item/0${portions}`)
    await engine.write({ stream: `item/9${portions}`, type: 'item.taken', data: {} })
    await poison(`item/8${portions}`)
    await settled(projections)
  }
  expect(await finishSnapshot(sql, { snapshot, keep: 2 })).toBe('ready')
  await engine.writeAtRandom(10)
  await engine.settled(projections)
  const over = await done(projections, projections.rebuilds.rebuild({ projection: 'items' }, BY))
  expect(over).toMatchObject({ origin: 'snapshot', originPosition: at, result: { told: 0 } })
  await engine.settled(projections)
  await expectReplayed()
})

test('a snapshot of other code, of another epoch, without a portion, or of which a row is not what was stored, is not begun from', async () => {
  const projections = await opened()
  const sql = engine.store.sql()
  const portions = 'tidemark.projection_snapshot_portions'
  for (const [change, state] of [
    [`update tidemark.projection_snapshots set definition = 'other'`, 'ready'],
    ['update tidemark.log set epoch = gen_random_uuid()', 'outdated'],
    [`delete from ${portions} where kind = 'keys'`, 'damaged'],
    [`update ${portions} set body = replace(body, '"times":', '"times":1') where kind = 'keys'`, 'damaged'],
  ] as const) {
    await projections.rebuilds.takeSnapshot(NAMES)
    await sql.query(change)
    const over = await done(projections, projections.rebuilds.rebuild(NAMES, BY))
    expect(over).toMatchObject({ origin: 'log', result: { told: 0 } })
    expect((await projections.rebuilds.snapshots()).map((snapshot) => snapshot.state)).toEqual([state])
    await sql.query('delete from tidemark.projection_snapshots')
  }
  await engine.settled(projections)
  await expectReplayed()
})

test('a snapshot that holds an event which a person skipped since is not begun from, also where that comes while it is', async () => {
  const fault = { there: true }
  const projections = await engine.open(boxesWithFault(fault))
  projections.start()
  const items = { projection: 'items' }
  await engine.write({ stream: 'item/own', type: 'item.put', data: { box: 'a', name: 'n1' } })
  const position = await engine.write({ stream: 'item/own', type: 'item.renamed', data: { name: POISON } })
  await engine.settled(projections)
  await projections.rebuilds.takeSnapshot(items)
  const other = await beginSnapshot(engine.store.sql(), await liveOf('names', boxesWithFault(fault)))
  fault.there = false
  await projections.rebuilds.pauseLane(0, 'ann')
  // Said before the event at which the build would go live, and carried out after it was filled.
  const skipping = projections.parked.skip({ tenant: TENANT, ...items, position }, { ...BY, timeoutMs: 60_000 })
  await until(
    () => engine.store.head(0),
    (head) => head > position,
  )
  const asked = await projections.rebuilds.rebuild(items, BY)
  const build = (asked as Extract<typeof asked, { kind: 'requested' }>).builds[0] ?? { lane: 0, id: 0 }
  await until(
    () => projections.rebuilds.progress(build),
    (progress) => progress?.origin === 'snapshot' && progress.folded === progress.goal,
  )
  await projections.rebuilds.resumeLane(0)
  expect(await skipping).toMatchObject({ kind: 'done', skipped: 1 })
  expect(await done(projections, Promise.resolve(asked))).toMatchObject({ origin: 'log' })
  // One that was under way holds some keys from before the decision, and some from after it.
  expect(await finishSnapshot(engine.store.sql(), { snapshot: other ?? -1, keep: 2 })).toBe('disturbed')
  expect(await projections.rebuilds.snapshots()).toMatchObject([{ state: 'outdated' }])
  const { result } = await done(projections, projections.rebuilds.verify(items, BY))
  expect(result).toMatchObject({ differences: 0 })
})

test('verify does not trust a snapshot: what it finds wrong drops those of the version, and then a rebuild mends it', async () => {
  const projections = await opened()
  await engine.store.sql().query(`update tidemark.rows set row = '{"times":-1,"last":"wrong"}' where key = 'n1'`)
  await projections.rebuilds.takeSnapshot(NAMES)
  // It holds what is wrong, as it says.
  const same = await done(projections, projections.rebuilds.rebuild(NAMES, BY))
  expect(same).toMatchObject({ origin: 'snapshot', result: { told: 0 } })
  const found = await done(projections, projections.rebuilds.verify(NAMES, BY))
  expect(found).toMatchObject({ origin: 'log', result: { differences: 1, keys: [{ key: 'n1' }] } })
  expect(await projections.rebuilds.snapshots()).toEqual([])
  const mended = await done(projections, projections.rebuilds.rebuild(NAMES, BY))
  expect(mended).toMatchObject({ origin: 'log', result: { told: 1 } })
})

test('a snapshot drops damaged ones and those of an earlier version, and is not kept where a removal was purged meanwhile', async () => {
  const before = await opened()
  await before.rebuilds.takeSnapshot(NAMES)
  const sql = engine.store.sql()
  await sql.query(`update tidemark.projection_snapshots set state = 'damaged'`)
  await fillLog(engine, 20)
  await engine.settled(before)
  await before.rebuilds.takeSnapshot(NAMES)
  expect(await before.rebuilds.snapshots()).toMatchObject([{ version: 1, state: 'ready' }])
  const disturbed = await beginSnapshot(sql, await liveOf('names'))
  await sql.query(
    `insert into tidemark.removal_horizons (lane, position, projection_name) values (0, 1000000, 'names')`,
  )
  expect(await finishSnapshot(sql, { snapshot: disturbed ?? -1, keep: 2 })).toBe('disturbed')
  await sql.query('update tidemark.removal_horizons set position = 1')
  await before.close()

  const after = await engine.open(boxesWithNamesTwo)
  after.start()
  await until(
    () => after.liveVersions(0),
    (live) => live.some(({ name, version }) => name === 'names' && version === 2),
  )
  expect(await after.rebuilds.takeSnapshot(NAMES)).toEqual([{ lane: 0, kind: 'taken' }])
  expect(await after.rebuilds.snapshots()).toMatchObject([{ version: 2, state: 'ready' }])
})

test('snapshots are taken as the log grows, and the newest two kept', async () => {
  const projections = await engine.open(boxes, { snapshots: { everyEvents: 100, keep: 2 } })
  projections.start()
  const newest = async () => {
    const ready = (await projections.rebuilds.snapshots()).filter(({ state }) => state === 'ready')
    return Math.min(
      ...['names', 'items'].map((name) =>
        Math.max(0, ...ready.filter((at) => at.projection === name).map((at) => at.position)),
      ),
    )
  }
  for (let round = 0; round < 3; round++) {
    const before = await newest()
    await fillLog(engine, 200)
    await until(newest, (position) => position >= before + 100)
  }
  await until(
    async () => (await projections.rebuilds.snapshots()).map(({ projection }) => projection),
    (names) =>
      names.filter((name) => name === 'names').length === 2 && names.filter((name) => name === 'items').length === 2,
  )
})

test.each(['before', 'after'] as const)(
  'cut off %s any call while it is taken, or while a build is filled with it, nothing half is used and all goes on',
  async (when) => {
    const projections = await opened()
    const live = await liveOf('items')
    const { definition } = live
    const taking = { ...live, keep: 2, pace: FEW_KEYS, mayGoOn: () => Promise.resolve(true) }
    let calls = 1
    for (; ; calls++) {
      const taken = await takeSnapshot({ ...taking, sql: cutOff(engine, calls, when) }).catch(() => undefined)
      if (taken !== undefined) break
      const states = (await projections.rebuilds.snapshots()).map(({ state }) => state)
      // Only the last call makes it one.
      expect(states.filter((state) => state === 'taking').length).toBeLessThanOrEqual(1)
    }
    // It begins, takes portions, and finishes.
    expect(calls).toBeGreaterThan(4)
    expect((await projections.rebuilds.snapshots()).every(({ state }) => state === 'ready')).toBe(true)
    await fillLog(engine, 100)
    await engine.settled(projections)
    await projections.close()

    const asked = await projections.rebuilds.rebuild({ projection: 'items' }, BY)
    const { id } = (asked as Extract<typeof asked, { kind: 'requested' }>).builds[0] ?? { id: 0 }
    const member = { id, projection: live.projection }
    const guarded = createRunGuarded(500)
    const options = {
      lane: 0,
      member,
      definition,
      runGuarded: guarded,
      pace: FEW_KEYS,
      clock: () => performance.now(),
      stopping: () => false,
    }
    let cuts = 0
    for (calls = 1; ; calls++) {
      const opener = createBuildOpener({ ...options, sql: cutOff(engine, calls, when) })
      let at: Opened = 'more'
      try {
        while (at === 'more') at = await opener.open('rebuild')
      } catch {
        cuts += 1
        continue
      }
      expect(at).toBe('there')
      break
    }
    expect(cuts).toBeGreaterThan(4)
    const again = await engine.open(boxes)
    again.start()
    expect(await done(again, Promise.resolve(asked))).toMatchObject({ origin: 'snapshot', result: { told: 0 } })
    await engine.settled(again)
    await expectReplayed()
  },
)

test('a rebuild from a snapshot needs no event before it: they may be in an archive that is not at hand', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tidemark-archive-'))
  try {
    const projections = await engine.open(boxes)
    projections.start()
    const snapshots = createSnapshots(engine.store.sql())
    for (let n = 0; n < 30; n++)
      await engine.write({ stream: 'item/1', type: 'item.put', data: { box: 'a', name: `n${n}` } })
    await createAggregateLoader({ store: engine.store, domain: boxes, snapshots }).snapshot(TENANT, 'item/1')
    await engine.settled(projections)
    await projections.rebuilds.takeSnapshot(NAMES)
    await archiveStreams({ sql: engine.store.sql(), storage: createFileArchive({ directory }), keep: 0, minEvents: 1 })
    await engine.write({ stream: 'item/2', type: 'item.put', data: { box: 'a', name: 'n1' } })
    await engine.settled(projections)
    await expect(engine.store.readLane({ lane: 0, after: 0, limit: 5 })).rejects.toThrow()
    const over = await done(projections, projections.rebuilds.rebuild(NAMES, BY))
    expect(over).toMatchObject({ origin: 'snapshot', originPosition: 30, result: { told: 0 } })
    expect((await pullAll(projections, undefined)).held.get('names/n1')).toContain('"times":2')
  } finally {
    await rm(directory, { recursive: true })
  }
})

test('who thinks that a filling is elsewhere than it is writes nothing', async () => {
  const projections = await opened()
  await projections.rebuilds.takeSnapshot(NAMES)
  await projections.close()
  const asked = await projections.rebuilds.rebuild(NAMES, BY)
  const { id } = (asked as Extract<typeof asked, { kind: 'requested' }>).builds[0] ?? { id: 0 }
  const sql = engine.store.sql()
  const { definition } = await liveOf('names')
  const at = { lane: 0, id }
  const [snapshot] = await projections.rebuilds.snapshots()
  const origin = { kind: 'snapshot', id: snapshot?.id ?? -1 } as const
  expect(await lookAtBuild(sql, { ...at, definition, code: null, removals: 10 })).toBe('cleared')
  expect(await beginBuildFrom(sql, { ...at, definition, origin, note: undefined, code: null })).toBe('filling')
  expect(await beginBuildFrom(sql, { ...at, definition, origin, note: undefined, code: null })).toBe('again')
  const fill = (await readFill(sql, at))?.fill ?? ''
  const start = { ...at, fill, after: { tenant: '', key: '' } }
  const body = '[{"k":"nobody","p":1,"c":1,"s":false,"o":"tenant","r":{},"t":null}]'
  const portion = { tenant: TENANT, lastKey: 'nobody', body }
  expect(await fillFromFormer(sql, { ...start, fill: randomUUID(), ...portion })).toBe(false)
  expect(await fillFromSnapshot(sql, start)).toMatchObject({ kind: 'more' })
  expect(await fillFromSnapshot(sql, start)).toMatchObject({ kind: 'gone' })
  expect(await fillFromFormer(sql, { ...start, ...portion })).toBe(false)
  expect(await projections.rebuilds.pause(NAMES)).toBe(1)
  const filled = { ...start, after: (await readFill(sql, at)) ?? start.after }
  expect(await fillFromSnapshot(sql, filled)).toMatchObject({ kind: 'gone' })
  expect(await projections.rebuilds.resume(NAMES)).toBe(1)
  expect(await fillFromSnapshot(sql, filled)).toMatchObject({ kind: 'all' })
  expect(await endFill(sql, { ...at, fill })).toBe('filled')
  expect(await endFill(sql, { ...at, fill })).toBe('void')
})
