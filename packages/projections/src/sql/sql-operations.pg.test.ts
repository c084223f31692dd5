/** What operators see of SQL projections, and what they do about them, from a process that runs none. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openParkedTools } from '../open-parked-tools.ts'
import type { ParkedTools } from '../parked-tools.ts'
import { boxes, boxesWithRenamedTwo, POISON } from '../test-domain.ts'
import { createEngine, TENANT, until, type Engine } from '../test-engine.ts'
import { openSqlProjections, type SqlProjections, type SqlProjectionsOptions } from './open-sql-projections.ts'
import type { SqlAlert } from './sql-alert.ts'
import type { SqlProjection } from './sql-projection.ts'
import { openSqlTools, type SqlTools } from './sql-tools.ts'
import { countingItems, readReport, REFUSED, reportOf } from './test-sql.ts'

const NAME = 'sql:item-report'
const PATIENCE_MS = 60_000
const ann = { principal: 'ann', timeoutMs: PATIENCE_MS }
let engine: Engine
let tools: SqlTools
let parked: ParkedTools
let alerts: SqlAlert[]
let opened: SqlProjections[]

beforeEach(async () => {
  engine = await createEngine()
  tools = openSqlTools(engine.store)
  parked = openParkedTools(engine.store)
  alerts = []
  opened = []
})
afterEach(async () => {
  await Promise.all(opened.map((projections) => projections.close()))
  await engine.close()
})

async function start(projection: SqlProjection, options: Partial<SqlProjectionsOptions> = {}): Promise<SqlProjections> {
  const projections = await openSqlProjections({
    store: engine.store,
    domain: boxes,
    projections: [projection],
    pollMs: 20,
    onAlert: (alert) => void alerts.push(alert),
    ...options,
  })
  opened.push(projections)
  projections.start()
  return projections
}

async function settled(projections: SqlProjections, projection: SqlProjection): Promise<void> {
  const reached = await projections.waitFor(projection, { lane: 0, position: await engine.store.head(0) }, PATIENCE_MS)
  if (reached.kind !== 'reached') throw new Error(`It did not get there: ${JSON.stringify(await projections.lag())}`)
}

const log = () => engine.store.readLane({ lane: 0, after: 0, limit: 1_000_000 })
const put = (stream: string, name = 'cup') => engine.write({ stream, type: 'item.put', data: { box: 'a', name } })
const rename = (stream: string, name: string) => engine.write({ stream, type: 'item.renamed', data: { name } })
const fails = (name: string): boolean => name === POISON || name === REFUSED
const report = (projection: SqlProjection) => readReport(engine.store.sql(), projection)

/** Three streams whose second event fails, in the code or in the database, and whose third waits. */
async function threeFaults(projection: SqlProjection): Promise<SqlProjections> {
  for (const [stream, name] of [
    ['item/1', POISON],
    ['item/2', REFUSED],
    ['item/3', POISON],
  ] as const) {
    await put(stream)
    await rename(stream, name)
    await rename(stream, 'mug')
  }
  const projections = await start(projection)
  await settled(projections, projection)
  return projections
}

describe('parked events', () => {
  test('are listed with those of folds, under their own kind and name, and shown with the payload', async () => {
    await threeFaults(countingItems())
    const { entries, next } = await parked.list({}, { limit: 4 })
    expect(entries).toMatchObject([
      { kind: 'sql', projection: NAME, version: 1, key: 'item/1', position: 2, reason: 'failed', attempts: 1 },
      { kind: 'sql', position: 3, reason: 'behind' },
      { position: 5, key: 'item/2', error: expect.stringContaining('items_name_check') },
      { position: 6 },
    ])
    expect((await parked.list({}, { after: next })).entries).toMatchObject([{ position: 8 }, { position: 9 }])
    expect((await parked.list({ projection: NAME, error: 'cannot take poison' })).entries).toHaveLength(2)
    expect((await parked.list({ projection: 'item-report' })).entries).toEqual([])
    expect(await parked.show({ tenant: TENANT, projection: NAME, position: 5 })).toMatchObject({
      kind: 'found',
      entry: { kind: 'sql' },
      event: { data: { name: REFUSED } },
    })
  })

  test('are retried, edited, skipped and discarded by people, and each counts once, as decided', async () => {
    const fault = { there: true }
    const projection = countingItems(fault)
    const projections = await threeFaults(projection)
    const at = (position: number) => ({ tenant: TENANT, projection: NAME, position })
    // Nothing was mended: what fails stays, and says how often.
    expect(await parked.retry({ key: 'item/1' }, ann)).toEqual({
      kind: 'done',
      settled: 0,
      skipped: 0,
      remaining: 2,
      more: false,
    })
    expect((await parked.list({ key: 'item/1' })).entries[0]).toMatchObject({ attempts: 2 })
    // An edit that does not help is not kept; one that does is what the event says from then on.
    expect(await parked.edit(at(5), { data: { name: 7 } }, ann)).toMatchObject({ settled: 0, remaining: 2 })
    expect(await parked.show(at(5))).toMatchObject({ entry: { reason: 'invalid-data' } })
    expect(await engine.store.sql().query('select 1 from tidemark.edits')).toEqual([])
    expect(await parked.edit(at(5), { data: { name: 'pot' } }, { ...ann, note: 'a slip' })).toMatchObject({
      kind: 'done',
      settled: 2,
      remaining: 0,
    })
    expect(await parked.skip(at(2), ann)).toMatchObject({ settled: 2, skipped: 1, remaining: 0 })
    expect(await parked.discard({ projection: NAME, key: 'item/3' }, { ...ann, principal: 'bob' })).toMatchObject({
      settled: 2,
      skipped: 2,
    })
    expect(await parked.retry({ projection: NAME }, ann)).toEqual({ kind: 'nothing' })
    const counted = (await log())
      .filter(({ position }) => ![2, 8, 9].includes(position))
      .map((event) => (event.position === 5 ? { ...event, data: { name: 'pot' } } : event))
    expect(await report(projection)).toEqual(reportOf(counted, fails))
    expect(await parked.history()).toMatchObject([
      { kind: 'sql', position: null, action: 'discard', principal: 'bob', skipped: 2 },
      { action: 'skip', skipped: 1, settled: 2 },
      { action: 'edit', note: 'a slip', edit: { position: 5, projection: NAME, data: { name: 'pot' } } },
      { action: 'edit', settled: 0 },
      { action: 'retry', settled: 0, remaining: 2 },
    ])
    expect((await parked.history())[3]).not.toHaveProperty('edit')
    await projections.close()
    // Another version is built with the same decisions.
    const two = countingItems(fault, 2)
    await settled(await start(two), two)
    expect(await report(two)).toEqual(reportOf(counted, fails))
  })

  test('wait for a worker to carry a decision out, also one that comes later', async () => {
    const fault = { there: true }
    const projection = countingItems(fault)
    await (await threeFaults(projection)).close()
    expect(await parked.retry({ key: 'item/1' }, { principal: 'ann', timeoutMs: 0 })).toEqual({
      kind: 'pending',
      lane: 0,
      position: null,
    })
    fault.there = false
    await start(projection)
    await until(
      () => parked.list({ key: 'item/1' }),
      ({ entries }) => entries.length === 0,
      PATIENCE_MS,
    )
    const decided = await until(
      () => parked.history(),
      ({ length }) => length > 0,
      PATIENCE_MS,
    )
    expect(decided).toMatchObject([{ action: 'retry', settled: 2, remaining: 0 }])
  })

  test('of a version that nobody runs, and that a newer one has replaced, are nobody’s', async () => {
    const one = countingItems()
    await (await threeFaults(one)).close()
    const two = countingItems({ there: false }, 2)
    await settled(await start(two), two)
    expect((await parked.list()).entries).toMatchObject([{ version: 2, key: 'item/2' }, { version: 2 }])
    expect(await tools.list()).toMatchObject([{ projection: NAME, version: 2 }])
    // Its code has come back: it is looked after again.
    await start(one)
    await until(
      () => tools.list(),
      (all) => all.length === 2,
      PATIENCE_MS,
    )
    expect((await parked.list({ key: 'item/1' })).entries).toMatchObject([{ version: 1 }, { version: 1 }])
  })
})

describe('how it stands', () => {
  test('is told with lag, parked events and why it stands still, wherever it runs', async () => {
    const projection = countingItems()
    const projections = await threeFaults(projection)
    const listed = await until(
      () => tools.list(),
      ([status]) => status?.worked === true,
      PATIENCE_MS,
    )
    expect(listed).toMatchObject([
      { projection: NAME, version: 1, lane: 0, state: 'live', checkpoint: 9, head: 9, events: 0, parked: 6 },
    ])
    expect(projections.counters()).toMatchObject([{ name: 'item-report', lane: 0, events: 9, parked: 3 }])
    await engine.store.sql().query(`alter table ${projection.schema}.counts rename to hidden`)
    await put('item/4')
    const [failing] = await until(
      () => tools.list(),
      ([status]) => status?.trouble !== null,
      PATIENCE_MS,
    )
    expect(failing).toMatchObject({
      events: 1,
      trouble: { kind: 'failing', message: expect.stringContaining('counts') },
    })
    await until(
      () => alerts.map(({ kind }) => kind),
      (kinds) => kinds.includes('failing'),
      PATIENCE_MS,
    )
    await engine.store.sql().query(`alter table ${projection.schema}.hidden rename to counts`)
    await settled(projections, projection)
    await until(
      () => tools.list(),
      ([status]) => status?.trouble === null,
      PATIENCE_MS,
    )
    await until(
      () => alerts.map(({ kind }) => kind),
      (kinds) => kinds.includes('recovered'),
      PATIENCE_MS,
    )
    expect(alerts.map(({ kind }) => kind)).toEqual([...alerts.slice(0, -2).map(() => 'parked'), 'failing', 'recovered'])
    const told = alerts.filter((alert) => alert.kind === 'parked')
    expect(told.reduce((sum, { events }) => sum + events, 0)).toBe(3)
    expect(told[0]).toMatchObject({ projection: NAME, version: 1, first: { position: 2, reason: 'failed' } })
  })

  test('says that it waits for newer code, until newer code comes', async () => {
    const projection = countingItems()
    await engine.write({ stream: 'item/1', type: 'item.renamed', data: { name: 'mug' }, schema: 2 })
    await start(projection)
    await until(
      () => tools.list(),
      ([status]) => status?.trouble?.kind === 'blocked',
      PATIENCE_MS,
    )
    expect(alerts).toMatchObject([{ kind: 'blocked', projection: NAME, reason: 'newer-schema' }])
    const newer = await start(projection, { domain: boxesWithRenamedTwo })
    await settled(newer, projection)
    await until(
      () => tools.list(),
      ([status]) => status?.trouble === null,
      PATIENCE_MS,
    )
  })

  test('a pause holds it, whoever works, and it goes on from there', async () => {
    const projection = countingItems()
    const projections = await start(projection)
    await put('item/1')
    await settled(projections, projection)
    expect(await tools.pause({ projection: NAME }, 'ann')).toBe(1)
    await put('item/2')
    await until(
      async () => (await projections.lag())[0]?.lease?.kind,
      (kind) => kind === 'denied',
      PATIENCE_MS,
    )
    expect(await tools.list()).toMatchObject([{ pausedBy: 'ann', worked: false, checkpoint: 1, events: 1 }])
    expect(await tools.resume({ projection: NAME, lane: 7 })).toBe(0)
    expect(await tools.resume({ projection: NAME })).toBe(1)
    await settled(projections, projection)
    expect(await report(projection)).toEqual(reportOf(await log(), fails))
  })
})

describe('code that changed under an unchanged version', () => {
  test('is told when it is opened, and until a person accepts it or the version is raised', async () => {
    const one = countingItems()
    const codeOf = async () => (await tools.list()).map(({ version, code }) => `${version} ${code}`)
    await settled(await start(one), one)
    expect(await codeOf()).toEqual(['1 same'])
    const definition = (): string => `${one.definition()} and more`
    const changed = await start({ ...one, definition })
    expect(alerts).toEqual([{ kind: 'code-changed', projection: NAME, version: 1 }])
    expect(await changed.lag()).toMatchObject([{ code: 'changed' }])
    expect(await codeOf()).toEqual(['1 changed'])
    expect(await tools.accept('sql:other')).toBe(0)
    expect(await tools.accept(NAME)).toBe(1)
    expect(await codeOf()).toEqual(['1 same'])
    await start({ ...one, definition })
    expect(alerts).toHaveLength(1)
    const two = { ...countingItems({ there: true }, 2), definition }
    await settled(await start(two), two)
    expect(alerts).toHaveLength(1)
  })
})
