import { aggregate, defineDomain, event, projection, type Domain } from '@tidemark/core'
import * as z from 'zod'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Alert } from './alert.ts'
import { createEngine, until, type Engine } from './test-engine.ts'
import { boxes, boxesWithRenamedTwo } from './test-domain.ts'

let engine: Engine
let alerts: Alert[]
const onAlert = (alert: Alert): void => void alerts.push(alert)
beforeEach(async () => {
  alerts = []
  engine = await createEngine()
})
afterEach(() => engine.close())

const Task = aggregate('task', {
  initial: () => ({ title: '' }),
  events: { titled: event(z.object({ title: z.string() })) },
  evolve: { titled: (_, { title }) => ({ title }) },
  commands: () => ({}),
})

/** Code that does something to a title before it takes it, in one of two projections: in its fold, or in its key. */
function tasksWith(part: { fold?: (title: string) => void; key?: (title: string) => void }): Domain {
  const row = z.object({ title: z.string() })
  const tasks = projection('tasks', {
    on: Task,
    row,
    key: (e) => {
      part.key?.((e.data as { title: string }).title)
      return e.streamId
    },
    fold: {
      titled: (_, e) => {
        part.fold?.(e.data.title)
        return { title: e.data.title }
      },
    },
  })
  const plain = projection('plain', { on: Task, row, fold: { titled: (_, e) => ({ title: e.data.title }) } })
  return defineDomain({ name: 'tasks', aggregates: [Task], projections: [tasks, plain] })
}

const titled = (stream: string, title: string) => engine.write({ stream, type: 'task.titled', data: { title } })
const hang = (title: string): void => {
  if (title === 'hang') for (;;);
}

async function rowsOf(name: string): Promise<Record<string, string>> {
  const { rows, names } = await engine.tables()
  const its = [...rows.values()].filter((row) => names.get(row.projection) === `${name}@1`)
  return Object.fromEntries(its.map((row) => [row.key, (JSON.parse(row.text) as { title: string }).title]))
}

async function parkedOf(): Promise<readonly object[]> {
  const { parked, names } = await engine.tables()
  return parked.map(({ projection, by, key, position, reason }) => ({
    projection: names.get(projection),
    by,
    key,
    position,
    reason,
  }))
}

describe('a handler that hangs', () => {
  test('on one event costs that key of that projection; all others, and the other projections, go on', async () => {
    for (let n = 1; n <= 30; n++) await titled(`task/${n}`, 'first')
    await titled('task/7', 'hang')
    for (let n = 1; n <= 30; n++) await titled(`task/${n}`, 'last')
    const projections = await engine.open(tasksWith({ fold: hang }), { foldMs: 100, onAlert })
    projections.start()
    await engine.settled(projections)
    expect(await parkedOf()).toEqual([
      { projection: 'tasks@1', by: 'key', key: 'task/7', position: 31, reason: 'failed' },
      { projection: 'tasks@1', by: 'key', key: 'task/7', position: 38, reason: 'behind' },
    ])
    const [tasks, plain] = [await rowsOf('tasks'), await rowsOf('plain')]
    expect(plain).toMatchObject({ 'task/7': 'last', 'task/30': 'last' })
    expect(tasks).toEqual({ ...plain, 'task/7': 'first' })
    expect(alerts.filter((alert) => alert.kind === 'parked')).toMatchObject([
      {
        kind: 'parked',
        projection: 'tasks',
        events: 1,
        first: { position: 31, error: expect.stringContaining('100 ms') },
      },
    ])
    expect(projections.counters()).toMatchObject([{ events: 61, parked: 1, hung: expect.any(Number) }])
  })

  test('in key() costs its stream, as the row it belongs to cannot be known', async () => {
    await titled('task/1', 'hang')
    await titled('task/1', 'last')
    await titled('task/2', 'last')
    const projections = await engine.open(tasksWith({ key: hang }), { foldMs: 100 })
    projections.start()
    await engine.settled(projections)
    expect(await parkedOf()).toContainEqual({
      projection: 'tasks@1',
      by: 'stream',
      key: 'task/1',
      position: 1,
      reason: 'failed',
    })
    expect(await rowsOf('tasks')).toEqual({ 'task/2': 'last' })
  })

  test('and is asked to try again stays parked, and the lane goes on', async () => {
    await titled('task/1', 'hang')
    const projections = await engine.open(tasksWith({ fold: hang }), { foldMs: 100 })
    projections.start()
    await engine.settled(projections)
    expect(await projections.parked.retry({}, { principal: 'ann' })).toMatchObject({ kind: 'done', settled: 0 })
    await titled('task/2', 'last')
    await engine.settled(projections)
    expect(await rowsOf('tasks')).toEqual({ 'task/2': 'last' })
  })
})

test('a row that the database does not take parks its event, and the lane goes on', async () => {
  const projections = await engine.open(tasksWith({}), { onAlert })
  const sql = engine.store.sql()
  await sql.query(`alter table tidemark.rows add constraint no_forbidden check (row::text not like '%forbidden%')`)
  for (let n = 1; n <= 20; n++) await titled(`task/${n}`, n === 13 ? 'forbidden' : 'fine')
  projections.start()
  await engine.settled(projections)
  await titled('task/13', 'late')
  await engine.settled(projections)
  const parked = await parkedOf()
  expect(parked).toContainEqual({ projection: 'plain@1', by: 'key', key: 'task/13', position: 13, reason: 'failed' })
  expect(parked).toContainEqual({ projection: 'plain@1', by: 'key', key: 'task/13', position: 21, reason: 'behind' })
  expect(Object.keys(await rowsOf('plain'))).toHaveLength(19)
  expect(alerts.map((alert) => alert.kind)).toContain('parked')
})

describe('a projection that fails on all events', () => {
  const failing = tasksWith({
    fold: () => {
      throw new Error('a bug in every fold')
    },
  })

  test('stops its lane before them instead of parking the world; mended code goes on with nothing lost', async () => {
    for (let n = 1; n <= 60; n++) await titled(`task/${n}`, 'first')
    const broken = await engine.open(failing, { onAlert })
    broken.start()
    const [lag] = await until(
      () => broken.lag(),
      ([lane]) => lane?.blocked !== undefined,
    )
    expect(lag).toMatchObject({ checkpoint: 0, parked: 0, blocked: { reason: 'failing' } })
    expect(lag?.blocked?.detail).toContain('a bug in every fold')
    expect(alerts.map((alert) => alert.kind)).toEqual(['breaker-opened', 'blocked'])
    expect(broken.counters()).toMatchObject([{ breakerOpened: 1, events: 0 }])

    const mended = await engine.open(tasksWith({}))
    mended.start()
    await engine.settled(mended)
    expect(await engine.stored()).toEqual(await engine.replayed(tasksWith({})))
    expect(await parkedOf()).toEqual([])
  })

  test('parks them all where the owner says so', async () => {
    for (let n = 1; n <= 60; n++) await titled(`task/${n}`, 'first')
    const projections = await engine.open(failing, { onMassFailure: 'park' })
    projections.start()
    await engine.settled(projections)
    expect(await parkedOf()).toHaveLength(60)
    expect(Object.keys(await rowsOf('plain'))).toHaveLength(60)
  })
})

test('while two releases run side by side, whoever has the lease, nothing is parked', async () => {
  const older = await engine.open(boxes, { onAlert })
  const newer = await engine.open(boxesWithRenamedTwo, { onAlert })
  older.start()
  newer.start()
  for (let n = 0; n < 60; n++) {
    const stream = `item/${n % 7}`
    if (n < 7) await engine.write({ stream, type: 'item.put', data: { box: 'a', name: `n${n}` } })
    // Both releases write.
    else await engine.write({ stream, type: 'item.renamed', data: { name: `n${n}` }, schema: 1 + (n % 2) })
    if (n === 20) await newer.close()
    if (n !== 40) continue
    const third = await engine.open(boxesWithRenamedTwo, { onAlert })
    third.start()
  }
  await engine.settled(older)
  expect(await engine.stored()).toEqual(await engine.replayed(boxesWithRenamedTwo))
  expect((await engine.tables()).parked).toEqual([])
  expect(alerts.filter((alert) => alert.kind === 'parked')).toEqual([])
})
