import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { beginBuildFrom, lookAtBuild } from './statements/build-origin.ts'
import { readBuilds, switchLive } from './statements/builds.ts'
import { enterLane, registerProjection } from './statements/registry.ts'
import { boxes, boxesWithNamesTwo, boxesWithoutNames, boxesWithRenamedTwo, POISON } from './test-domain.ts'
import { createEngine, TENANT, until, type Engine } from './test-engine.ts'
import type { Domain } from '@tidemark/core'

let engine: Engine
beforeEach(async () => {
  engine = await createEngine()
})
afterEach(() => engine.close())

const put = (stream: string, box = 'a', name = 'cup') => engine.write({ stream, type: 'item.put', data: { box, name } })
const rename = (stream: string, name: string) => engine.write({ stream, type: 'item.renamed', data: { name } })

const replayed = (domain: Domain, only?: (version: string) => boolean) => engine.replayed(domain, only)
const stored = (only?: (version: string) => boolean) => engine.stored(only)

const writeAtRandom = (count: number) => engine.writeAtRandom(count)

describe('the live worker', () => {
  test('what 16 writers append is, at any batch size, what a replay of the whole log in memory gives (I7)', async () => {
    const projections = await engine.open(boxes, { batch: 37 })
    projections.start()
    await Promise.all(Array.from({ length: 16 }, () => writeAtRandom(40)))
    await engine.settled(projections)
    expect(await stored()).toEqual(await replayed(boxes))
    expect((await engine.tables()).rows.size).toBeGreaterThan(20)
  })

  test('a failed fold parks its key in order, marks the row stale, and the lane goes on', async () => {
    const projections = await engine.open(boxes)
    projections.start()
    await put('item/1')
    await rename('item/1', POISON)
    await rename('item/1', 'mug')
    await put('item/2')
    await engine.settled(projections)
    const { parked, rows } = await engine.tables()
    expect(parked.map(({ key, position, reason }) => ({ key, position, reason }))).toEqual([
      { key: 'item/1', position: 2, reason: 'failed' },
      { key: 'item/1', position: 3, reason: 'behind' },
    ])
    expect([...rows.values()].filter((row) => row.stale)).toMatchObject([{ key: 'item/1', changed: 2, position: 1 }])
    expect(await projections.lag()).toMatchObject([{ lane: 0, events: 0, seconds: 0, parked: 2 }])
  })

  test('an event of a newer schema stops the lane before it, says why, and newer code goes on from there', async () => {
    const older = await engine.open(boxes)
    older.start()
    await put('item/1')
    await engine.write({ stream: 'item/1', type: 'item.renamed', data: { name: 'mug' }, schema: 2 })
    await put('item/2')
    const [lag] = await until(
      () => older.lag(),
      (lanes) => lanes[0]?.blocked !== undefined,
    )
    expect(lag).toMatchObject({ checkpoint: 1, events: 2, parked: 0, blocked: { reason: 'newer-schema', position: 2 } })
    expect((await engine.tables()).parked).toEqual([])

    const newer = await engine.open(boxesWithRenamedTwo)
    newer.start()
    await engine.settled(newer)
    expect(await stored()).toEqual(await replayed(boxesWithRenamedTwo))
    const [after] = await until(
      () => older.lag(),
      (lanes) => lanes[0]?.blocked === undefined,
    )
    expect(after).toMatchObject({ events: 0 })
  })

  test('an unknown event of a known aggregate stops the lane; one of an unknown aggregate concerns nobody here', async () => {
    const projections = await engine.open(boxes)
    projections.start()
    await engine.write({ stream: 'shelf/1', type: 'shelf.built', data: {} })
    await engine.write({ stream: 'item/1', type: 'item.painted', data: {} })
    const [lag] = await until(
      () => projections.lag(),
      (lanes) => lanes[0]?.blocked !== undefined,
    )
    expect(lag).toMatchObject({ checkpoint: 1, blocked: { reason: 'unknown-type', position: 2 } })
  })

  test('a lane that appears later is worked on', async () => {
    const projections = await engine.open(boxes)
    projections.start()
    await engine.store.sql().query("insert into tidemark.tenants (tenant, lane) values ('globex', 3)")
    await engine.write({ stream: 'item/1', type: 'item.put', data: { box: 'a', name: 'cup' } }, { tenant: 'globex' })
    expect(await projections.waitFor({ lane: 3, position: 1 }, 10_000)).toEqual({ kind: 'reached' })
  })

  test('listeners hear every checkpoint, and one that throws stops nobody', async () => {
    const heard: number[] = []
    const projections = await engine.open(boxes)
    projections.onAdvance(() => {
      throw new Error('a listener of somebody')
    })
    const stop = projections.onAdvance((_, position) => heard.push(position))
    projections.start()
    await put('item/1')
    await engine.settled(projections)
    await until(
      () => heard.at(-1),
      (last) => last === 1,
    )
    stop()
    await put('item/2')
    await engine.settled(projections)
    expect(heard.at(-1)).toBe(1)
  })

  test('a wait for a position that never comes ends in time, and one without a worker here asks the database', async () => {
    const worker = await engine.open(boxes)
    const reader = await engine.open(boxes)
    worker.start()
    const position = await put('item/1')
    expect(await reader.waitFor({ lane: 0, position }, 10_000)).toEqual({ kind: 'reached' })
    expect(await reader.waitFor({ lane: 0, position: 99 }, 60)).toEqual({ kind: 'timeout', at: position })
  })

  test('close ends within 2 s although the database does not answer', async () => {
    const projections = await engine.open(boxes)
    projections.start()
    await put('item/1')
    await engine.settled(projections)
    // Holds the checkpoint's lock for longer than the test.
    const holder = engine.store
      .sql()
      .query('select pg_sleep(4) from (select from tidemark.checkpoints for update) as held')
      .catch(() => {})
    await until(
      () =>
        engine.store
          .sql()
          .query("select from pg_stat_activity where query like '%pg_sleep(4)%' and wait_event = 'PgSleep'"),
      (rows) => rows.length > 0,
    )
    await put('item/2')
    const startedAt = performance.now()
    await projections.close()
    expect(performance.now() - startedAt).toBeLessThan(2_100)
    await holder
  })
})

describe('versions', () => {
  const only = (name: string) => (version: string) => version === name
  const offered = async (projections: {
    liveVersions(lane: number): Promise<readonly { name: string; version: number }[]>
  }) => (await projections.liveVersions(0)).map(({ name, version }) => `${name}@${version}`)

  test('one that comes when the log has events is built from the first of them before pages offer it', async () => {
    const before = await engine.open(boxesWithoutNames)
    before.start()
    await Promise.all(Array.from({ length: 8 }, () => writeAtRandom(25)))
    await engine.settled(before)
    await before.close()
    expect(await offered(before)).toEqual(['items@1', 'state:item@1'])

    const after = await engine.open(boxes, { batch: 13 })
    const page = () =>
      after.readPage({
        tenant: TENANT,
        lane: 0,
        scopes: ['tenant'],
        projections: [{ name: 'names', version: 1 }],
        from: { position: 0, outcomeSeq: 0 },
        mark: null,
        full: true,
        limit: 1000,
        outcomes: { kind: 'none' },
      })
    expect(await page()).toMatchObject({ projections: [], rows: [] })
    after.start()
    // Writers beside the build: the switch happens at one instant of a moving lane.
    await Promise.all(Array.from({ length: 8 }, () => writeAtRandom(25)))
    await until(
      () => offered(after),
      (names) => names.includes('names@1'),
    )
    await engine.settled(after)
    expect(await stored()).toEqual(await replayed(boxes))
    expect(await page()).toMatchObject({ projections: [{ name: 'names', version: 1 }] })
  })

  test('an older version is offered until the newer one is built, as long as a process works on it', async () => {
    const older = await engine.open(boxes)
    older.start()
    await writeAtRandom(5)
    await engine.settled(older)
    const sql = engine.store.sql()
    const own: { id: number; definition: string }[] = []
    for (const projection of boxesWithNamesTwo.projections) {
      own.push({ id: await registerProjection(sql, projection), definition: 'newer' })
    }
    const enter = async () => {
      const versions = await enterLane(sql, { lane: 0, own, retireOthers: true, holder: 'the newer process' })
      return versions.map(({ name, version }) => `${name}@${version}`)
    }
    await until(
      () => older.lag(),
      ([lag]) => lag?.lease?.kind === 'held',
    )
    expect(await enter()).toContain('names@1')
    await older.close()
    // Nobody would move it any more: the lane must not wait for it.
    expect(await enter()).not.toContain('names@1')
  })

  test('a newer version replaces the older one, and a process of the older release stops by itself', async () => {
    const older = await engine.open(boxes)
    older.start()
    await writeAtRandom(60)
    await engine.settled(older)
    const newer = await engine.open(boxesWithNamesTwo)
    newer.start()
    await until(
      () => offered(newer),
      (names) => names.includes('names@2'),
    )
    await writeAtRandom(60)
    await engine.settled(newer)
    const [lag] = await until(
      () => older.lag(),
      (lanes) => lanes[0]?.blocked !== undefined,
    )
    expect(lag?.blocked).toMatchObject({ reason: 'superseded' })
    expect(await offered(newer)).toEqual(['items@1', 'names@2', 'state:item@1'])
    expect(await stored((name) => name !== 'names@1')).toEqual(await replayed(boxesWithNamesTwo))
  })

  test('a release without a projection cannot move the checkpoint past it while the other release runs', async () => {
    const smaller = await engine.open(boxesWithoutNames)
    smaller.start()
    await writeAtRandom(30)
    await engine.settled(smaller)
    const larger = await engine.open(boxes)
    larger.start()
    await until(
      () => offered(larger),
      (names) => names.includes('names@1'),
    )
    await writeAtRandom(30)
    await engine.settled(larger)
    const [lag] = await until(
      () => smaller.lag(),
      (lanes) => lanes[0]?.blocked !== undefined,
    )
    expect(lag?.blocked).toMatchObject({ reason: 'uncovered' })
    expect(await stored()).toEqual(await replayed(boxes))
  })

  test('one that was retired and comes back is built anew, without the rows of its earlier life', async () => {
    const first = await engine.open(boxes)
    first.start()
    await writeAtRandom(40)
    await engine.settled(first)
    await first.close()
    const without = await engine.open(boxesWithoutNames)
    without.start()
    await writeAtRandom(40)
    await engine.settled(without)
    expect(await offered(without)).toEqual(['items@1', 'state:item@1'])
    await without.close()
    // Whatever is wrong with the old rows must not live on.
    await engine.store.sql().query(
      `update tidemark.rows set row = '{"times":-1,"last":"wrong"}'
          where projection = (select id from tidemark.projections where name = 'names')`,
    )
    const again = await engine.open(boxes)
    again.start()
    await until(
      () => offered(again),
      (names) => names.includes('names@1'),
    )
    await engine.settled(again)
    expect(await stored(only('names@1'))).toEqual(await replayed(boxes, only('names@1')))
  })

  test('one that stands behind the synced checkpoint cannot go live', async () => {
    const before = await engine.open(boxesWithoutNames)
    before.start()
    await put('item/1')
    await engine.settled(before)
    await before.close()
    const after = await engine.open(boxes)
    const sql = engine.store.sql()
    const registered = await sql.query<{ id: number; name: string }>('select id, name from tidemark.projections')
    const id = registered.find((version) => version.name === 'names')?.id ?? -1
    const own = registered.map((version) => ({ id: version.id, definition: 'any', removals: 5_000 }))
    const live = await enterLane(sql, { lane: 0, own, retireOthers: true, holder: 'test' })
    expect(live.map(({ name }) => name)).toEqual(['items', 'state:item'])
    expect(await readBuilds(sql)).toMatchObject([{ id, name: 'names', version: 1, place: { kind: 'nowhere' } }])
    expect(await switchLive(sql, { lane: 0, id })).toBe('gone')
    const build = { lane: 0, id, definition: 'any', code: null, removals: 5_000 }
    expect(await lookAtBuild(sql, build)).toBe('cleared')
    const begun = await beginBuildFrom(sql, { ...build, origin: { kind: 'log' }, note: undefined })
    expect(begun).toBe('begun')
    expect(await switchLive(sql, { lane: 0, id })).toBe('behind')
    expect(await offered(after)).toEqual(['items@1', 'state:item@1'])
  })
})
