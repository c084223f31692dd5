import { randomUUID } from 'node:crypto'
import { aggregate, defineDomain, event, projection, type Domain } from '@tidemark/core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import * as z from 'zod'
import type { Projections } from './open-projections.ts'
import type { BuildProgress } from './rebuild-tools.ts'
import { boxes, boxesWithFault, POISON } from './test-domain.ts'
import { switchGeneration } from './statements/switch-generation.ts'
import { createEngine, TENANT, until, type Engine } from './test-engine.ts'
import { done, fillLog, liveIds, pullAll, type Held } from './test-rebuild.ts'

let engine: Engine
beforeEach(async () => {
  engine = await createEngine()
})
afterEach(() => engine.close())

const NAMES = { projection: 'names' }
const BY = { principal: 'ann' }

const damage = (set: string, where = 'true') =>
  engine.store.sql().query(
    `update tidemark.rows r set ${set} from tidemark.projections n, tidemark.projection_lanes l
      where n.id = r.projection and n.name = 'names' and l.projection = n.id and l.state = 'live' and (${where})`,
  )

/** The rows that pages offer, by projection and key. */
async function rowsOf(projections: Projections): Promise<Held> {
  return (await pullAll(projections, undefined)).held
}

test('a rebuild in three key ranges, with writers beside it, ends in the rows of a replay, and clients fetch nothing for it', async () => {
  const projections = await engine.open(boxes)
  projections.start()
  await fillLog(engine, 2_600)
  await engine.settled(projections)
  const before = await pullAll(projections, undefined)
  let building = true
  const writing = Promise.all(
    Array.from({ length: 3 }, async () => {
      while (building) await engine.writeAtRandom(5)
    }),
  )
  const over = await done(projections, projections.rebuilds.rebuild(NAMES, { ...BY, parts: 3 }))
  building = false
  await writing
  await engine.settled(projections)
  expect(over).toMatchObject({ purpose: 'rebuild', result: { told: 0 }, detail: null })
  const live = await liveIds(engine)
  expect(live['names']).toEqual([over.id])
  expect(await engine.stored(undefined, Object.values(live).flat())).toEqual(await engine.replayed(boxes))
  // A client goes on from where it was, and holds what a new one holds.
  expect((await pullAll(projections, before)).held).toEqual(await rowsOf(projections))
})

test('rows that were wrong are made good, and a client is told of exactly those, never of an empty list', async () => {
  const projections = await engine.open(boxes)
  projections.start()
  await Promise.all(Array.from({ length: 8 }, () => engine.writeAtRandom(25)))
  await engine.settled(projections)
  const right = await rowsOf(projections)
  await damage(`row = '{"times":-1,"last":"wrong"}'`, `r.key in ('n1', 'n2')`)
  await engine.store.sql().query(`delete from tidemark.rows r using tidemark.projections n
                                   where n.id = r.projection and n.name = 'names' and r.key = 'n3'`)
  await engine.store.sql()
    .query(`insert into tidemark.rows (projection, lane, position, changed, tenant, key, scope, row)
                                  select id, 0, 1, 1, '${TENANT}', 'nobody', 'tenant', '{"times":1,"last":"ghost"}'
                                    from tidemark.projections where name = 'names'`)
  const client = await pullAll(projections, undefined)
  expect(client.held.get('names/n1')).toContain('wrong')
  expect(client.held.has('names/nobody')).toBe(true)

  const over = await done(projections, projections.rebuilds.rebuild(NAMES, BY))
  expect(over.result).toEqual({ told: 4 })
  const after = await pullAll(projections, client)
  expect(after.seen.sort()).toEqual(['-names/nobody', 'names/n1', 'names/n2', 'names/n3'])
  expect(after.held).toEqual(right)
})

test('verify finds the keys that differ, and says nothing of the others; nothing is switched', async () => {
  const projections = await engine.open(boxes)
  projections.start()
  await Promise.all(Array.from({ length: 4 }, () => engine.writeAtRandom(30)))
  await engine.settled(projections)
  const clean = await done(projections, projections.rebuilds.verify(NAMES, BY))
  const result = clean.result as Extract<BuildProgress['result'], { keys: unknown }>
  expect(result).toMatchObject({ differences: 0, keys: [] })
  expect(result.position).toBeGreaterThanOrEqual(120)
  expect(result.liveHash).toBe(result.rebuiltHash)
  expect(result.liveRows).toBeGreaterThan(5)

  await damage(`row = '{"times":-1,"last":"wrong"}'`, `r.key = 'n1'`)
  await damage(`position = r.position - 1`, `r.key = 'n2'`)
  const dirty = await done(projections, projections.rebuilds.verify(NAMES, BY))
  expect(dirty.result).toMatchObject({
    differences: 2,
    keys: [
      { tenant: TENANT, key: 'n1', kind: 'different' },
      { tenant: TENANT, key: 'n2', kind: 'different' },
    ],
  })
  const wrong = dirty.result as typeof result
  expect(wrong.liveHash).not.toBe(wrong.rebuiltHash)
  expect(wrong.rebuiltHash).toBe(result.rebuiltHash)
  expect((await rowsOf(projections)).get('names/n1')).toContain('wrong')
  // Nothing of the trials is left.
  const [left] = await engine.store.sql().query<{ rows: number; differences: number; checkpoints: number }>(
    `select (select count(*) from tidemark.rows r join tidemark.projections n on n.id = r.projection where n.generation > 1) as rows,
            (select count(*) from tidemark.build_differences) as differences,
            (select count(*) from tidemark.checkpoints where consumer like 'build:%') as checkpoints`,
  )
  expect(left).toEqual({ rows: 0, differences: 0, checkpoints: 0 })
})

const Cup = aggregate('cup', {
  initial: () => ({}),
  events: { filled: event(z.object({ by: z.number() })) },
  evolve: { filled: (state) => state },
  commands: () => ({}),
})

/** The same version of a projection, with one code or another. */
function cups(code: 'sum' | 'count' | 'fails'): Domain {
  const folds = {
    sum: (row: { n: number } | undefined, e: { data: { by: number } }) => ({ n: (row?.n ?? 0) + e.data.by }),
    count: (row: { n: number } | undefined) => ({ n: (row?.n ?? 0) + 1 }),
    fails: () => {
      throw new Error('not this one')
    },
  }
  const levels = projection('levels', { on: Cup, row: z.object({ n: z.number() }), fold: { filled: folds[code] } })
  return defineDomain({ name: 'cups', aggregates: [Cup], projections: [levels] })
}

const fill = (cup: string, by: number) => engine.write({ stream: `cup/${cup}`, type: 'cup.filled', data: { by } })
const LEVELS = { projection: 'levels' }
const codeOf = async (projections: Projections) =>
  (await projections.rebuilds.list()).find(({ projection }) => projection === 'levels')

test('changed code under an unchanged version is noticed; a rebuild takes it on, and a way back undoes that with the events since', async () => {
  const summing = await engine.open(cups('sum'))
  summing.start()
  await fill('a', 5)
  await fill('b', 7)
  await engine.settled(summing)
  expect(await codeOf(summing)).toMatchObject({ code: 'same', before: null })
  await summing.close()

  const counting = await engine.open(cups('count'))
  counting.start()
  expect(await codeOf(counting)).toMatchObject({ code: 'changed' })
  const client = await pullAll(counting, undefined)
  expect(client.held.get('levels/cup/a')).toBe('{"n":5}')
  expect((await done(counting, counting.rebuilds.rebuild(LEVELS, BY))).result).toEqual({ told: 2 })
  expect(await codeOf(counting)).toMatchObject({ code: 'same', before: 1 })
  await fill('a', 5)
  await engine.settled(counting)
  const counted = await pullAll(counting, client)
  expect(counted.held.get('levels/cup/a')).toBe('{"n":2}')
  expect(counted.held.get('levels/cup/b')).toBe('{"n":1}')
  // The way back waits for the code that folded its rows.
  const asked = await counting.rebuilds.rollback(LEVELS, BY)
  await until(
    () => counting.lag(),
    ([lag]) => lag?.blocked?.detail.includes('way back') === true,
  )
  expect((await pullAll(counting, counted)).held.get('levels/cup/a')).toBe('{"n":2}')
  await counting.close()

  const again = await engine.open(cups('sum'))
  again.start()
  await done(again, Promise.resolve(asked))
  const back = await pullAll(again, counted)
  expect(back.held.get('levels/cup/a')).toBe('{"n":10}')
  expect(back.held.get('levels/cup/b')).toBe('{"n":7}')
  expect(await codeOf(again)).toMatchObject({ code: 'same', before: 1 })
  expect(await again.rebuilds.rollback({ projection: 'nothing' }, BY)).toEqual({ kind: 'unknown' })
})

test('a verify that finds nothing accepts code that was changed in its words only', async () => {
  const summing = await engine.open(cups('sum'))
  summing.start()
  await fill('a', 1)
  await engine.settled(summing)
  await summing.close()
  // Of one event of 1, the sum is the count.
  const counting = await engine.open(cups('count'))
  counting.start()
  expect(await codeOf(counting)).toMatchObject({ code: 'changed' })
  await done(counting, counting.rebuilds.verify(LEVELS, BY))
  expect(await codeOf(counting)).toMatchObject({ code: 'same' })
})

test('a rebuild that parks what the live rows do not is held until a person accepts it', async () => {
  const summing = await engine.open(cups('sum'))
  summing.start()
  await fill('a', 5)
  await engine.settled(summing)
  await summing.close()
  const failing = await engine.open(cups('fails'))
  failing.start()
  const asked = await failing.rebuilds.rebuild(LEVELS, BY)
  const build = (asked as Extract<typeof asked, { kind: 'requested' }>).builds[0] ?? { lane: 0, id: 0 }
  const held = await until(
    () => failing.rebuilds.progress(build),
    (progress) => progress?.state === 'held',
  )
  expect(held?.detail).toContain('It has parked 1 keys, the live rows have 0')
  expect((await rowsOf(failing)).get('levels/cup/a')).toBe('{"n":5}')
  expect(await failing.rebuilds.rebuild(LEVELS, BY)).toMatchObject({ kind: 'exists' })
  expect(await failing.rebuilds.resume(LEVELS, { acceptParked: true })).toBe(1)
  await until(
    () => failing.rebuilds.progress(build),
    (progress) => progress?.state === 'done',
  )
  expect((await rowsOf(failing)).has('levels/cup/a')).toBe(false)
})

test('what concerns more than one key is folded whole, between key ranges: parked streams, retries, skipped events', async () => {
  const fault = { there: true }
  const projections = await engine.open(boxesWithFault(fault))
  projections.start()
  const verified = async (projection: string) =>
    (await done(projections, projections.rebuilds.verify({ projection }, { ...BY, parts: 3 }))).result
  await fillLog(engine, 1_200)
  await engine.write({ stream: 'item/one', type: 'item.put', data: { box: 'a', name: POISON } })
  await engine.write({ stream: 'item/one', type: 'item.renamed', data: { name: 'n1' } })
  await engine.write({ stream: 'item/two', type: 'item.put', data: { box: 'a', name: 'n1' } })
  await engine.write({ stream: 'item/two', type: 'item.renamed', data: { name: POISON } })
  await fillLog(engine, 1_400)
  await engine.settled(projections)
  const { entries } = await projections.parked.list({}, { limit: 1_000 })
  expect(new Set(entries.map(({ by }) => by))).toEqual(new Set(['key', 'stream']))
  expect(await verified('names')).toMatchObject({ differences: 0, keys: [] })

  fault.there = false
  const skipped = entries.find(({ projection, reason }) => projection === 'items' && reason === 'failed')
  if (skipped === undefined) throw new Error('Nothing of items is parked.')
  const { tenant, projection, position } = skipped
  expect(await projections.parked.skip({ tenant, projection, position }, BY)).toMatchObject({ kind: 'done' })
  expect(await projections.parked.retry({ projection }, BY)).toMatchObject({ kind: 'done', remaining: 0 })
  await fillLog(engine, 1_000)
  await engine.settled(projections)
  expect(await verified('items')).toMatchObject({ differences: 0, keys: [] })
  // The decisions' positions are in the rows, too: clients that were told there need not be told again.
  const rebuilt = await done(projections, projections.rebuilds.rebuild({ projection }, { ...BY, parts: 3 }))
  expect(rebuilt.result).toEqual({ told: 0 })
})

test('a build that does not stand right before its event is not switched to, and the lane goes on', async () => {
  const projections = await engine.open(boxes)
  projections.start()
  await engine.writeAtRandom(40)
  await engine.settled(projections)
  await projections.close()
  // Nobody works: the request is not taken up.
  const asked = await projections.rebuilds.rebuild(NAMES, BY)
  const { id } = (asked as Extract<typeof asked, { kind: 'requested' }>).builds[0] ?? { id: 0 }
  const sql = engine.store.sql()
  const [at] = await sql.query<{ position: number; fence: number }>(
    "select position, fence from tidemark.checkpoints where consumer = 'synced'",
  )
  await sql.query(`insert into tidemark.checkpoints (consumer, lane, position) values ('build:${id}', 0, 39)`)
  await sql.query('update tidemark.builds set compared = 0')
  const covered = Object.values(await liveIds(engine))
    .flat()
    .sort((a, b) => a - b)
  const from = at?.position ?? 0
  const batch = { lane: 0, from, to: from + 1, eventId: randomUUID(), fence: at?.fence ?? 0, covered, build: id }
  expect(await switchGeneration(sql, batch)).toBe('missed')
  expect((await liveIds(engine))['names']).not.toContain(id)
  expect(await switchGeneration(sql, batch)).toBe('stale')
  const next = { ...batch, from: from + 1, to: from + 2 }
  await sql.query(`update tidemark.checkpoints set position = ${from + 1} where consumer = 'build:${id}'`)
  expect(await switchGeneration(sql, next)).toBe('switched')
  expect((await liveIds(engine))['names']).toEqual([id])
})

test('a build that has passed an event which a person then skips begins again', async () => {
  const fault = { there: true }
  const projections = await engine.open(boxesWithFault(fault))
  projections.start()
  await engine.write({ stream: 'item/own', type: 'item.put', data: { box: 'a', name: 'n1' } })
  const position = await engine.write({ stream: 'item/own', type: 'item.renamed', data: { name: POISON } })
  await fillLog(engine, 2_400)
  await engine.settled(projections)
  fault.there = false
  // Held back where it has folded all: what it goes live at is not there yet.
  await projections.rebuilds.pauseLane(0, 'ann')
  const asked = await projections.rebuilds.rebuild({ projection: 'items' }, { ...BY, parts: 2 })
  const build = (asked as Extract<typeof asked, { kind: 'requested' }>).builds[0] ?? { lane: 0, id: 0 }
  await until(
    () => projections.rebuilds.progress(build),
    (progress) => progress?.folded === progress?.goal,
  )
  const skipping = projections.parked.skip(
    { tenant: TENANT, projection: 'items', position },
    { ...BY, timeoutMs: 20_000 },
  )
  await until(
    () => engine.store.head(0),
    (head) => head > position + 2_401,
  )
  await projections.rebuilds.resumeLane(0)
  expect(await skipping).toMatchObject({ kind: 'done', skipped: 1 })
  await done(projections, Promise.resolve(asked))
  expect((await rowsOf(projections)).get('items/item/own')).toContain('"name":"n1"')
  const { result } = await done(projections, projections.rebuilds.verify({ projection: 'items' }, BY))
  expect(result).toMatchObject({ differences: 0 })
})

test('a build is paused, goes on in another process from where it was, and is cancelled without a trace', async () => {
  const projections = await engine.open(boxes)
  projections.start()
  await fillLog(engine, 2_300)
  await engine.settled(projections)
  const { rebuilds } = projections
  // So slow that it is under way when it is paused.
  const asked = await rebuilds.rebuild(NAMES, { ...BY, share: 0.01 })
  const build = (asked as Extract<typeof asked, { kind: 'requested' }>).builds[0] ?? { lane: 0, id: 0 }
  expect(await rebuilds.pause(NAMES)).toBe(1)
  expect(await rebuilds.progress(build)).toMatchObject({ state: 'paused', rate: 0, etaSeconds: null })
  expect(await rebuilds.pause(NAMES)).toBe(0)
  await projections.close()
  const other = await engine.open(boxes)
  other.start()
  expect(await other.rebuilds.resume(NAMES)).toBe(1)
  await until(
    () => other.rebuilds.progress(build),
    (progress) => progress?.state === 'done' || (progress?.folded ?? 0) > 0,
  )
  await done(other, Promise.resolve(asked))
  await engine.settled(other)

  expect(await other.rebuilds.rebuild(NAMES, { ...BY, share: 0.01 })).toMatchObject({ kind: 'requested' })
  expect(await other.rebuilds.cancel(NAMES)).toBe(1)
  expect(await other.rebuilds.cancel(NAMES)).toBe(0)
  expect((await other.rebuilds.list()).map(({ build: running }) => running)).toEqual([null, null, null])
  await done(other, other.rebuilds.rebuild(NAMES, BY))
  const live = Object.values(await liveIds(engine)).flat()
  expect(await engine.stored(undefined, live)).toEqual(await engine.replayed(boxes))
})

/** What a build holds in the lane, and all that says how far it is. */
async function tracesOf(id: number): Promise<Readonly<Record<string, number>>> {
  const [counts] = await engine.store.sql().query<Record<string, number>>(
    `select (select count(*) from tidemark.rows where projection = $1) as rows,
            (select count(*) from tidemark.tombstones where projection = $1) as tombstones,
            (select count(*) from tidemark.parked where projection = $1) as parked,
            (select count(*) from tidemark.build_differences where projection = $1) as differences,
            (select count(*) from tidemark.checkpoints where consumer like 'build:%') as checkpoints,
            (select count(*) from tidemark.projection_lanes where projection = $1) as lanes`,
    [id],
  )
  return { ...counts }
}

/** A rebuild that nobody works on, with something of each kind in it: as code of that fingerprint left it, all folded. */
async function leftBehind(definition: string): Promise<BuildProgress> {
  const idle = await engine.open(boxes)
  const asked = await idle.rebuilds.rebuild(NAMES, BY)
  const [build] = asked.kind === 'requested' ? asked.builds : []
  if (build === undefined) throw new Error(`It was answered ${JSON.stringify(asked)}.`)
  const at = `${build.id}, 0, 1`
  await engine.store.sql().script(`
    insert into tidemark.rows (projection, lane, position, changed, tenant, key, scope, row)
    values (${at}, 1, '${TENANT}', 'ghost', 'tenant', '{"times":1,"last":"ghost"}');
    insert into tidemark.tombstones (projection, lane, position, changed, tenant, key, scope)
    values (${at}, 1, '${TENANT}', 'gone', 'tenant');
    insert into tidemark.parked (projection, lane, position, attempts, event_id, by, reason, tenant, key, stream, type)
    values (${at}, 1, gen_random_uuid(), 'key', 'failed', '${TENANT}', 'held', 'item/1', 'item.put');
    insert into tidemark.build_differences (projection, lane, tenant, key, kind)
    values (${build.id}, 0, '${TENANT}', 'ghost', 'row');
    insert into tidemark.checkpoints (consumer, lane, position)
    select 'build:${build.id}', 0, position from tidemark.checkpoints where consumer = 'synced';
    update tidemark.projection_lanes set definition = '${definition}' where projection = ${build.id}`)
  expect(Object.values(await tracesOf(build.id)).every((count) => count > 0)).toBe(true)
  await idle.close()
  return build
}

async function projectedOnce(): Promise<void> {
  const projections = await engine.open(boxes)
  projections.start()
  await engine.writeAtRandom(40)
  await engine.settled(projections)
  await projections.close()
}

test('a build that other code began is begun again, and nothing of that code goes live', async () => {
  await projectedOnce()
  const build = await leftBehind('of other code')
  const projections = await engine.open(boxes)
  projections.start()
  await done(projections, Promise.resolve({ kind: 'requested', builds: [build] }))
  await engine.settled(projections)
  const live = await liveIds(engine)
  expect(live['names']).toEqual([build.id])
  expect(await engine.stored(undefined, Object.values(live).flat())).toEqual(await engine.replayed(boxes))
})

test('of a build that is cancelled nothing is left, however far it was', async () => {
  await projectedOnce()
  const build = await leftBehind('of other code')
  const idle = await engine.open(boxes)
  expect(await idle.rebuilds.cancel(NAMES)).toBe(1)
  expect(Object.values(await tracesOf(build.id))).toEqual([0, 0, 0, 0, 0, 0])
})

test('a paused lane stands still while the log goes on, and says who paused it', async () => {
  const projections = await engine.open(boxes)
  projections.start()
  await engine.writeAtRandom(3)
  await engine.settled(projections)
  await projections.rebuilds.pauseLane(0, 'ann')
  const position = await engine.write({ stream: 'item/1', type: 'item.seen', data: {} })
  await until(
    () => projections.lag(),
    ([lag]) => lag?.lease?.kind === 'denied' && lag.lease.holder === 'paused by ann',
  )
  expect(await projections.waitFor({ lane: 0, position }, 100)).toEqual({ kind: 'timeout', at: position - 1 })
  expect((await projections.rebuilds.list())[0]).toMatchObject({ pausedBy: 'ann' })
  expect(await projections.rebuilds.resumeLane(0)).toBe(true)
  expect(await projections.rebuilds.resumeLane(0)).toBe(false)
  expect(await projections.waitFor({ lane: 0, position }, 10_000)).toEqual({ kind: 'reached' })
})
