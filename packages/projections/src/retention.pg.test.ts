/** What is kept for a while only, and what is kept for those who still need it. */
import { defineDomain, projection } from '@tidemark/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import * as z from 'zod'
import type { Projections } from './open-projections.ts'
import { purgeRemovals, purgeRetired } from './statements/purge.ts'
import { boxes, Item } from './test-domain.ts'
import { createEngine, TENANT, until, type Engine } from './test-engine.ts'

/** One row per name, which is in the data, as long as nothing is given that name anew. */
const names = defineDomain({
  name: 'boxes',
  aggregates: [Item],
  projections: [
    projection('names', {
      on: Item,
      row: z.object({ box: z.string() }),
      key: (e) => (e.data as { name?: string }).name,
      fold: { put: (_, e) => ({ box: e.data.box }), renamed: () => undefined },
    }),
  ],
})

let engine: Engine
beforeEach(async () => {
  engine = await createEngine()
})
afterEach(() => engine.close())

const ann = { principal: 'ann' }
const put = (stream: string, name = 'cup', box = 'a') => engine.write({ stream, type: 'item.put', data: { box, name } })
const take = (stream: string) => engine.write({ stream, type: 'item.taken', data: {} })
const purge = (limit = 1_000, olderMs = 0) => purgeRemovals(engine.store.sql(), { lane: 0, olderMs, limit })
const removals = async () => (await engine.tables()).tombstones.size
const horizonOf = async (name: string) => {
  const [row] = await engine.store
    .sql()
    .query<{ position: number }>('select position from tidemark.removal_horizons where projection_name = $1', [name])
  return row?.position ?? 0
}

async function start(domain = boxes): Promise<Projections> {
  const projections = await engine.open(domain)
  projections.start()
  return projections
}

describe('removals', () => {
  test('go in portions, the oldest first, and the horizon goes with them; younger ones stay', async () => {
    const projections = await start()
    for (let n = 0; n < 5; n++) {
      await put(`item/${n}`)
      await take(`item/${n}`)
    }
    await engine.settled(projections)
    const all = await removals()
    expect(all).toBeGreaterThanOrEqual(5)
    expect(await purge(1_000, 3_600_000)).toBe(0)
    expect(await horizonOf('items')).toBe(0)
    // Events that were recorded a day ago, as the log says.
    await engine.store
      .sql()
      .query("update tidemark.events set recorded_at = recorded_at - interval '1 day' where position <= 4")
    expect(await purge(1, 3_600_000)).toBe(1)
    const after = await horizonOf('items')
    while ((await purge(1, 3_600_000)) > 0);
    expect(await horizonOf('items')).toBe(4)
    expect(after).toBeLessThanOrEqual(4)
    const left = [...(await engine.tables()).tombstones.values()]
    expect(left.every(({ changed }) => changed > 4)).toBe(true)
    while ((await purge()) > 0);
    expect(await removals()).toBe(0)
    expect(await horizonOf('items')).toBe(await engine.store.head(0))
  })

  test('stay for an event that is parked by its stream: made good, it must not bring a row back that went after it', async () => {
    const projections = await start(names)
    await engine.write({ stream: 'item/1', type: 'item.put', data: { box: 7, name: 'cup' } })
    await put('item/2', 'cup')
    await engine.write({ stream: 'item/2', type: 'item.renamed', data: { name: 'cup' } })
    await engine.settled(projections)
    expect((await projections.parked.list({ projection: 'names' })).entries).toMatchObject([
      { by: 'stream', position: 1 },
    ])
    while ((await purge()) > 0);
    const id = { tenant: TENANT, projection: 'names', position: 1 }
    expect(await projections.parked.edit(id, { data: { box: 'a', name: 'cup' } }, ann)).toMatchObject({ remaining: 1 })
    expect(await projections.parked.show(id)).toMatchObject({
      entry: { error: expect.stringContaining('has gone on past it') },
    })
    expect(await projections.parked.skip(id, ann)).toMatchObject({ skipped: 1 })
    while ((await purge()) > 0);
    expect(await removals()).toBe(0)
  })

  test('stay while their projection is built, which tells by them what it has folded', async () => {
    const projections = await start()
    await put('item/1')
    await take('item/1')
    await engine.settled(projections)
    const sql = engine.store.sql()
    await sql.query(
      `insert into tidemark.projection_lanes (projection, lane, since, state)
       select tidemark.add_generation(name, version, 2), 0, -1, 'building' from tidemark.projections where name = 'items'`,
    )
    while ((await purge()) > 0);
    const names = async () => {
      const tables = await engine.tables()
      return [...tables.tombstones.values()].map((at) => tables.names.get(at.projection))
    }
    expect(new Set(await names())).toEqual(new Set(['items@1']))
    await sql.query("delete from tidemark.projection_lanes where state = 'building'")
    while ((await purge()) > 0);
    expect(await names()).toEqual([])
  })
})

describe('rows that a switch has replaced', () => {
  const counts = async () =>
    (
      await engine.store.sql().query<{ count: number }>(
        `select count(*) as count from tidemark.rows r join tidemark.projections n on n.id = r.projection
          where n.name = 'items' group by n.generation order by n.generation`,
      )
    ).map(({ count }) => count)
  const retire = (olderMs: number) => purgeRetired(engine.store.sql(), { lane: 0, olderMs, limit: 3 })

  test('are there for the way back until their time is over, and then go, portion by portion', async () => {
    const projections = await start()
    for (let n = 0; n < 7; n++) await put(`item/${n}`)
    await engine.settled(projections)
    const rebuild = async () => {
      const asked = await projections.rebuilds.rebuild({ projection: 'items' }, ann)
      if (asked.kind !== 'requested') throw new Error(JSON.stringify(asked))
      const [build] = asked.builds
      await until(
        () => build && projections.rebuilds.progress(build),
        (progress) => progress?.state === 'done',
        60_000,
      )
    }
    const before = async () => (await projections.rebuilds.list()).find((one) => one.projection === 'items')?.before
    await rebuild()
    expect(await before()).toBe(1)
    expect(await retire(3_600_000)).toBe(0)
    expect(await counts()).toEqual([7, 7])
    // The way back ends first, then the rows go.
    expect(await retire(0)).toBeGreaterThan(0)
    expect(await counts()).toEqual([7, 7])
    expect(await before()).toBeNull()
    expect(await projections.rebuilds.rollback({ projection: 'items' }, ann)).toEqual({ kind: 'nothing' })
    expect(await retire(0)).toBe(3)
    expect(await counts()).toEqual([4, 7])
    while ((await retire(0)) > 0);
    expect(await counts()).toEqual([7])
    expect(await retire(0)).toBe(0)
    // Its place is taken by the next rebuild, which can be gone back from.
    await rebuild()
    expect(await counts()).toEqual([7, 7])
    expect(await projections.rebuilds.rollback({ projection: 'items' }, ann)).toMatchObject({ kind: 'requested' })
  })
})

test('the holder of the lease takes them away by itself', async () => {
  const projections = await engine.open(boxes, { retention: { removalDays: 1e-9, everyMs: 10 } })
  await put('item/1')
  await take('item/1')
  projections.start()
  await engine.settled(projections)
  await until(removals, (count) => count === 0, 60_000)
  await projections.close()
})
