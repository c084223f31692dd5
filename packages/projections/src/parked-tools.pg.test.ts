import type { Json } from '@tidemark/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Projections } from './open-projections.ts'
import { TRIED_AT_ONCE } from './carry-out.ts'
import type { ParkedReason } from './park-reason.ts'
import { boxesWithFault, POISON } from './test-domain.ts'
import { createEngine, TENANT, type Engine } from './test-engine.ts'

let engine: Engine
beforeEach(async () => {
  engine = await createEngine()
})
afterEach(() => engine.close())

const put = (stream: string, name = 'cup') => engine.write({ stream, type: 'item.put', data: { box: 'a', name } })
const rename = (stream: string, name: string) => engine.write({ stream, type: 'item.renamed', data: { name } })
const ann = { principal: 'ann' }
const items = { tenant: TENANT, projection: 'items' }

async function openFaulty() {
  const fault = { there: true }
  const domain = boxesWithFault(fault)
  const projections = await engine.open(domain)
  projections.start()
  return { fault, domain, projections }
}

/** Tables without `changed`, which tells when clients were told and not what they were told. */
async function withoutChanged(read: Promise<unknown>, only: readonly string[] = ['rows', 'tombstones', 'parked']) {
  const tables = (await read) as Record<string, readonly string[]>
  const plain = (text: string) => text.replace(/"changed":\d+,?/, '')
  return Object.fromEntries(only.map((name) => [name, tables[name]?.map(plain).sort()]))
}

async function itemsRow(key: string) {
  const { rows, names } = await engine.tables()
  return [...rows.values()].find((row) => row.key === key && names.get(row.projection) === 'items@1')
}

/** A client: pulls from its cursor and applies. */
function createClient(projections: Projections) {
  const held = new Map<string, string>()
  let position = 0
  return {
    held,
    pull: async () => {
      for (let mark: Parameters<Projections['readPage']>[0]['mark'] = null; ;) {
        const page = await projections.readPage({
          tenant: TENANT,
          lane: 0,
          scopes: ['box:a', 'box:b', 'box:c', 'tenant'],
          projections: ['items', 'names'].map((name) => ({ name, version: 1 })),
          from: { position, outcomeSeq: 0 },
          mark,
          full: false,
          limit: 7,
          outcomes: { kind: 'none' },
        })
        for (const { projection, key } of page.removals) held.delete(`${projection} ${key}`)
        for (const { projection, key, row, stale } of page.rows) {
          held.set(`${projection} ${key}`, JSON.stringify([row, stale]))
        }
        if (page.complete) {
          position = page.checkpoint
          return
        }
        mark = page.last
      }
    },
  }
}

describe('a retry', () => {
  test('of what was parked, in any order, gives the rows of a replay without the fault, and clients get them', async () => {
    const { fault, domain, projections } = await openFaulty()
    const client = createClient(projections)
    for (let round = 0; round < 3; round++) {
      fault.there = true
      await engine.writeAtRandom(120)
      // Once by fate would do; the test is to have something to do.
      await rename('item/1', POISON)
      await engine.writeAtRandom(60)
      await engine.settled(projections)
      await client.pull()
      const before = await projections.parked.list()
      expect(before.entries.length).toBeGreaterThan(1)
      // A retry while the fault is there changes no row.
      const rows = await withoutChanged(engine.stored(), ['rows', 'tombstones'])
      expect(await projections.parked.retry({}, ann)).toMatchObject({ kind: 'done', settled: 0 })
      expect(await withoutChanged(engine.stored(), ['rows', 'tombstones'])).toEqual(rows)

      fault.there = false
      for (const entry of before.entries.filter(() => Math.random() < 0.2).reverse()) {
        await projections.parked.retry({ projection: entry.projection, key: entry.key }, ann)
      }
      await projections.parked.retry({}, ann)
      expect((await projections.parked.list()).entries).toEqual([])
      expect(await withoutChanged(engine.stored())).toEqual(await withoutChanged(engine.replayed(domain)))
      await client.pull()
      const { rows: serverRows, names } = await engine.tables()
      const server = [...serverRows.values()]
        .map((row) => `${names.get(row.projection)} ${row.key} ${row.text} ${row.stale}`)
        .filter((row) => !row.startsWith('state:'))
      const clients = [...client.held].map(([id, text]) => {
        const [row, stale] = JSON.parse(text) as [Record<string, unknown>, boolean]
        return `${id.replace(' ', '@1 ')} ${JSON.stringify(row)} ${stale}`
      })
      expect(clients.sort()).toEqual(server.sort())
    }
  })

  test('stamps the row above every checkpoint handed out before, and takes `stale` away', async () => {
    const { fault, projections } = await openFaulty()
    await put('item/1')
    await rename('item/1', POISON)
    await rename('item/1', 'mug')
    const head = await put('item/2')
    await engine.settled(projections)
    fault.there = false
    expect(await projections.parked.retry({ ...items, key: 'item/1' }, ann)).toEqual({
      kind: 'done',
      settled: 2,
      skipped: 0,
      remaining: 0,
      more: false,
    })
    expect(await itemsRow('item/1')).toMatchObject({ position: 3, changed: head + 1, stale: false })
    expect(await itemsRow('item/2')).toMatchObject({ changed: head })
  })

  test('that fails again keeps all that wait in order, and counts the attempt', async () => {
    const { projections } = await openFaulty()
    await put('item/1')
    await rename('item/1', POISON)
    await rename('item/1', 'mug')
    await engine.settled(projections)
    expect(await projections.parked.retry(items, ann)).toMatchObject({ kind: 'done', settled: 0, remaining: 2 })
    expect((await projections.parked.list(items)).entries).toMatchObject([
      { position: 2, reason: 'failed', attempts: 2, error: expect.stringContaining('cannot take poison') },
      { position: 3, reason: 'behind', attempts: 0 },
    ])
    expect(await itemsRow('item/1')).toMatchObject({ position: 1, stale: true })
  })

  test('of more events than one commit takes goes on until it is through', async () => {
    const { fault, projections } = await openFaulty()
    await put('item/1')
    await rename('item/1', POISON)
    await Promise.all(Array.from({ length: TRIED_AT_ONCE + 50 }, (_, n) => rename('item/1', `n${n % 7}`)))
    await engine.settled(projections)
    fault.there = false
    const settled = TRIED_AT_ONCE + 51
    expect(await projections.parked.retry(items, ann)).toMatchObject({ kind: 'done', settled, remaining: 0 })
    expect(await itemsRow('item/1')).toMatchObject({ position: settled + 1, stale: false })
  })

  test('of an event whose row has gone on with other streams leaves it and says so', async () => {
    const { fault, projections } = await openFaulty()
    await rename('item/1', POISON)
    await engine.settled(projections)
    fault.there = false
    // The same name from another stream: nothing told that its key was parked.
    await rename('item/2', POISON)
    await engine.settled(projections)
    const filter = { tenant: TENANT, projection: 'names' }
    expect(await projections.parked.retry(filter, ann)).toMatchObject({ settled: 0, remaining: 1 })
    expect((await projections.parked.list(filter)).entries).toMatchObject([
      { by: 'stream', position: 1, error: expect.stringContaining('gone on past it') },
    ])
  })

  test('of nothing, or that no worker carries out, says so', async () => {
    const { projections } = await openFaulty()
    await put('item/1')
    await rename('item/1', POISON)
    await engine.settled(projections)
    expect(await projections.parked.retry({ ...items, key: 'item/9' }, ann)).toEqual({ kind: 'nothing' })
    await projections.close()
    expect(await projections.parked.retry(items, { ...ann, timeoutMs: 50 })).toMatchObject({ kind: 'pending' })
  })
})

describe('a skip', () => {
  test('leaves one event out for good, and the ones behind it go on', async () => {
    const { projections, domain } = await openFaulty()
    await put('item/1')
    const poison = await rename('item/1', POISON)
    await rename('item/1', 'mug')
    await engine.settled(projections)
    const id = { ...items, position: poison }
    expect(await projections.parked.skip(id, ann)).toEqual({
      kind: 'done',
      settled: 2,
      skipped: 1,
      remaining: 0,
      more: false,
    })
    expect(await itemsRow('item/1')).toMatchObject({ text: '{"box":"a","name":"mug"}', stale: false })
    expect(await projections.parked.skip(id, ann)).toEqual({ kind: 'nothing' })

    // A version that is built over it leaves the event out too, and gives the same feed.
    const before = await engine.stored((version) => version === 'items@1')
    await projections.close()
    await engine.store.sql().query(
      `update tidemark.projection_lanes set state = 'retired', since = -1
        where projection = (select id from tidemark.projections where name = 'items')`,
    )
    const again = await engine.open(domain)
    again.start()
    await expect
      .poll(async () => (await again.liveVersions(0)).map((version) => version.name), { timeout: 10_000 })
      .toContain('items')
    expect(await engine.stored((version) => version === 'items@1')).toEqual(before)
  })

  test('of a key discards all that is parked there; another key is not touched', async () => {
    const { projections } = await openFaulty()
    for (const stream of ['item/1', 'item/2']) {
      await put(stream)
      await rename(stream, POISON)
      await rename(stream, 'mug')
    }
    await engine.settled(projections)
    const unit = { ...items, by: 'key', key: 'item/1' } as const
    expect(await projections.parked.discard(unit, ann)).toMatchObject({ kind: 'done', settled: 2, skipped: 2 })
    expect(await itemsRow('item/1')).toMatchObject({ text: '{"box":"a","name":"cup"}', stale: false })
    expect(await itemsRow('item/2')).toMatchObject({ stale: true })
    await rename('item/1', 'pot')
    await engine.settled(projections)
    expect(await itemsRow('item/1')).toMatchObject({ text: '{"box":"a","name":"pot"}' })
    expect(await projections.parked.discard(unit, ann)).toEqual({ kind: 'nothing' })
  })
})

/** Builds `items` and `names` anew, from the first event, and gives what they hold then. */
async function rebuilt(projections: Projections, domain: Parameters<Engine['open']>[0]) {
  await projections.close()
  await engine.store.sql().query(
    `update tidemark.projection_lanes set state = 'retired', since = -1
      where projection in (select id from tidemark.projections where name in ('items', 'names'))`,
  )
  const again = await engine.open(domain)
  again.start()
  await expect
    .poll(async () => (await again.liveVersions(0)).length, { timeout: 10_000 })
    .toBe((await engine.tables()).names.size)
  return engine.stored()
}

describe('an edit', () => {
  test('is what the event says to its projection from then on, in builds too; the log stays as it is', async () => {
    const { fault, projections, domain } = await openFaulty()
    await put('item/1')
    const poison = await rename('item/1', POISON)
    await rename('item/1', 'mug')
    await engine.settled(projections)
    const id = { ...items, position: poison }
    const why = { principal: 'ann', note: 'a typing error' }
    expect(await projections.parked.edit(id, { data: { name: 'pot' } }, why)).toEqual({
      kind: 'done',
      settled: 2,
      skipped: 0,
      remaining: 0,
      more: false,
    })
    expect(await itemsRow('item/1')).toMatchObject({ text: '{"box":"a","name":"mug"}', stale: false })
    // The key is in the data here, so it is another row that the event belongs to.
    expect(await projections.parked.edit({ ...id, projection: 'names' }, { data: { name: 'pan' } }, why)).toMatchObject(
      {
        kind: 'done',
        remaining: 0,
      },
    )
    const { rows } = await engine.tables()
    expect([...rows.values()].map((row) => row.key).sort()).toEqual(['cup', 'item/1', 'item/1', 'mug', 'pan'])

    expect((await engine.store.readLane({ lane: 0, after: poison - 1, limit: 1 }))[0]?.data).toEqual({ name: POISON })
    expect(await projections.parked.history({ tenant: TENANT })).toMatchObject([
      { action: 'edit', principal: 'ann', edit: { position: poison, projection: 'names', data: { name: 'pan' } } },
      {
        action: 'edit',
        note: 'a typing error',
        edit: { position: poison, projection: 'items', data: { name: 'pot' } },
      },
    ])
    const before = await withoutChanged(engine.stored())
    // Code that could take the event as it was must not.
    fault.there = false
    await rebuilt(projections, domain)
    expect(await withoutChanged(engine.stored())).toEqual(before)
  })

  test('that helps nothing is not kept, and says what is wrong now', async () => {
    const { fault, projections } = await openFaulty()
    await put('item/1')
    const poison = await rename('item/1', POISON)
    await engine.settled(projections)
    const id = { ...items, position: poison }
    expect(await projections.parked.edit(id, { data: { name: 7 } }, ann)).toMatchObject({ kind: 'done', remaining: 1 })
    expect(await projections.parked.show(id)).toMatchObject({
      entry: { reason: 'invalid-data', attempts: 2, error: expect.stringContaining('does not match its schema') },
    })
    const bad = { data: { name: 'a\u0000b' } }
    expect(await projections.parked.edit(id, bad, ann)).toMatchObject({ kind: 'unstorable', issue: { path: '/name' } })
    expect(await projections.parked.edit({ ...id, position: 1 }, { data: {} }, ann)).toEqual({ kind: 'nothing' })
    // What the log says is what counts.
    fault.there = false
    expect(await projections.parked.retry(items, ann)).toMatchObject({ kind: 'done', remaining: 0 })
    expect(await itemsRow('item/1')).toMatchObject({ text: `{"box":"a","name":"${POISON}"}` })
  })
})

test('a filter picks by position, error and time, and what it picks can be discarded together', async () => {
  const { projections } = await openFaulty()
  for (const stream of ['item/1', 'item/2', 'item/3']) {
    await put(stream)
    await rename(stream, POISON)
  }
  await engine.settled(projections)
  const { list, discard } = projections.parked
  const positions = async (filter: Parameters<typeof list>[0]) =>
    (await list({ ...items, ...filter })).entries.map((entry) => entry.position)
  expect(await positions({ position: 4 })).toEqual([4])
  expect(await positions({ error: 'take poison' })).toEqual([2, 4, 6])
  expect(await positions({ error: 'take_poison' })).toEqual([])
  expect(await positions({ before: '2020-01-01T00:00:00Z' })).toEqual([])
  expect(await positions({ by: 'stream' })).toEqual([])
  expect(await discard({ ...items, position: 4 }, ann)).toMatchObject({ kind: 'done', skipped: 1 })
  expect(await positions({})).toEqual([2, 6])
  expect(await discard({ ...items, error: 'take poison' }, ann)).toMatchObject({ kind: 'done', skipped: 2 })
  expect(await discard(items, ann)).toEqual({ kind: 'nothing' })
  // Those of the other projection are its own.
  expect(await positions({ projection: 'names' })).toEqual([2, 4, 6])
})

test('what cannot be read says whether an upcaster or its data is the matter; what an older release wrote is read on', async () => {
  const { projections } = await openFaulty()
  const write = (stream: string, data: Json, schema: number) => engine.write({ stream, type: 'item.put', data, schema })
  await write('item/1', null, 1)
  await write('item/2', { box: 7, name: 'cup' }, 2)
  await engine.settled(projections)
  const listed = async (reason?: ParkedReason) =>
    (await projections.parked.list({ projection: 'items', ...(reason && { reason }) })).entries.map((at) => at.reason)
  expect(await listed()).toEqual(['upcaster-failed', 'invalid-data'])
  await engine.store.sql().query("update tidemark.parked set reason = 'unreadable' where key = 'item/2'")
  expect(await listed('upcaster-failed')).toEqual(['upcaster-failed'])
  expect(await listed('unreadable')).toEqual(['upcaster-failed', 'unreadable'])
  // A retry tells what was not told apart.
  expect(await projections.parked.retry({ ...items, key: 'item/2' }, ann)).toMatchObject({ remaining: 1 })
  expect(await listed()).toEqual(['upcaster-failed', 'invalid-data'])
})

test('what is parked is listed by filter, page by page, and shown with its payload', async () => {
  const { projections } = await openFaulty()
  await put('item/1')
  await put('item/2')
  for (const stream of ['item/1', 'item/2']) for (const name of [POISON, 'mug']) await rename(stream, name)
  await engine.settled(projections)
  const { list, show } = projections.parked
  expect((await list({ ...items, key: 'item/2' })).entries.map((entry) => entry.position)).toEqual([5, 6])
  expect((await list({ ...items, reason: 'failed' })).entries.map((entry) => entry.position)).toEqual([3, 5])
  expect((await list({ ...items, type: 'item.put' })).entries).toEqual([])
  expect((await list({ tenant: 'globex' })).entries).toEqual([])
  const seen: string[] = []
  for (let after: Awaited<ReturnType<typeof list>>['next'] = null; ;) {
    const page = await list({}, { after, limit: 3 })
    seen.push(...page.entries.map((entry) => `${entry.position} ${entry.projection}`))
    after = page.next
    if (after === null) break
  }
  expect(seen).toEqual((await list()).entries.map((entry) => `${entry.position} ${entry.projection}`))
  expect(new Set(seen).size).toBe(8)
  expect(await show({ ...items, position: 3 })).toMatchObject({
    kind: 'found',
    entry: { key: 'item/1', attempts: 1, error: expect.stringContaining('cannot take poison') },
    event: { position: 3, data: { name: POISON } },
  })
  expect(await show({ ...items, position: 1 })).toEqual({ kind: 'nothing' })
})
