import { startProcess } from '@tidemark/testing/process'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { boxes } from './test-domain.ts'
import { createEngine, until, type Engine } from './test-engine.ts'

let engine: Engine
beforeEach(async () => {
  engine = await createEngine()
})
afterEach(() => engine.close())

const put = (stream: string) => engine.write({ stream, type: 'item.put', data: { box: 'a', name: 'cup' } })

const lease = async (projections: Awaited<ReturnType<Engine['open']>>) => (await projections.lag())[0]?.lease

test('of two processes one works, and the other says who does', async () => {
  const one = await engine.open(boxes)
  one.start()
  await until(
    () => lease(one),
    (state) => state?.kind === 'held',
  )
  const other = await engine.open(boxes)
  other.start()
  expect(
    await until(
      () => lease(other),
      (state) => state?.kind === 'denied',
    ),
  ).toMatchObject({ holder: expect.stringContaining(`/${process.pid}/`) })
  const heard: number[] = []
  other.onAdvance((_, position) => heard.push(position))
  await Promise.all(Array.from({ length: 4 }, () => engine.writeAtRandom(20)))
  await engine.settled(other)
  expect(heard.at(-1)).toBe(80)
  expect(await lease(one)).toEqual({ kind: 'held', fence: 1 })
  expect(await lease(other)).toMatchObject({ kind: 'denied' })
  expect(await engine.stored()).toEqual(await engine.replayed(boxes))
})

test('one that closes hands over at once, under a higher fence', async () => {
  const one = await engine.open(boxes)
  one.start()
  await until(
    () => lease(one),
    (state) => state?.kind === 'held',
  )
  const other = await engine.open(boxes)
  other.start()
  await put('item/1')
  await engine.settled(other)
  await one.close()
  const closedAt = performance.now()
  await put('item/2')
  await engine.settled(other)
  // Without the hand-over it would be 3 s.
  expect(performance.now() - closedAt).toBeLessThan(1_500)
  expect(await lease(other)).toEqual({ kind: 'held', fence: 2 })
})

test('what the former holder still commits after a take-over is refused', async () => {
  const one = await engine.open(boxes)
  one.start()
  await put('item/1')
  await engine.settled(one)
  const sql = engine.store.sql()
  // Another process, as after a pause longer than the lease; again where a renewal comes in between.
  const taken = await until(
    async () => {
      await sql.query("update tidemark.leases set expires_at = '-infinity'")
      return sql.query("select granted, fence from tidemark.take_lease('synced', 0, 'another', 60000)")
    },
    ([answer]) => answer?.['granted'] === true,
  )
  expect(taken).toEqual([{ granted: true, fence: 2 }])
  const position = await put('item/2')
  await until(
    () => lease(one),
    (state) => state?.kind === 'denied',
  )
  expect(await one.waitFor({ lane: 0, position }, 100)).toEqual({ kind: 'timeout', at: position - 1 })
})

test('a process that fails again and again leaves the work to one that does not', async () => {
  const { store } = engine
  let broken = false
  const one = await engine.open(boxes, {
    store: {
      append: store.append,
      onWake: store.onWake,
      sql: store.sql,
      tenantSql: store.tenantSql,
      readLane: (read) => (broken ? Promise.reject(new Error('its disk is full')) : store.readLane(read)),
    },
  })
  one.start()
  await put('item/1')
  await engine.settled(one)
  const other = await engine.open(boxes)
  other.start()
  await until(
    () => lease(other),
    (state) => state?.kind === 'denied',
  )
  broken = true
  await put('item/2')
  await engine.settled(other)
  expect(await engine.stored()).toEqual(await engine.replayed(boxes))
  // It stands by like any other, and takes no work from the one that can do it.
  const [state] = await until(
    () => one.lag(),
    ([lag]) => lag?.lease?.kind === 'denied',
  )
  expect(state?.failure).toBeUndefined()
  expect(await lease(other)).toMatchObject({ kind: 'held' })
})

test('the work of a process that was killed with -9 goes on elsewhere within 5 s', async () => {
  const { child, ended } = startProcess(new URL('test-lease-worker.ts', import.meta.url), engine.url)
  try {
    const standby = await engine.open(boxes)
    await until(
      () => engine.store.sql().query("select from tidemark.leases where consumer = 'synced' and expires_at > now()"),
      (rows) => rows.length === 1,
    )
    standby.start()
    await put('item/1')
    await engine.settled(standby)
    expect(await lease(standby)).toMatchObject({ kind: 'denied', holder: expect.stringContaining(`/${child.pid}/`) })
    child.kill('SIGKILL')
    await ended
    const killedAt = performance.now()
    const position = await put('item/2')
    expect(await standby.waitFor({ lane: 0, position }, 10_000)).toEqual({ kind: 'reached' })
    expect(performance.now() - killedAt).toBeLessThan(5_000)
    expect(await engine.stored()).toEqual(await engine.replayed(boxes))
  } finally {
    child.kill('SIGKILL')
    await ended
  }
})
