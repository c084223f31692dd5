/**
 * I2, and I1 and I3 beside it, on a real Postgres: whatever is killed, aborted, slow or open meanwhile, no reader of a lane ever
 * finds an event at or below a position it has seen. `npm run order` in this package runs the long form.
 */
import { testDatabase, type TestDatabase } from '@tidemark/testing/postgres'
import type { StoredEvent } from '@tidemark/core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { checkLane, LaneView } from './test-order-log.ts'
import { runSchedules, type OrderTotals } from './test-order-run.ts'

const schedules = Number(process.env.TIDEMARK_ORDER_SCHEDULES ?? 40)
const seed = Number(process.env.TIDEMARK_ORDER_SEED ?? 1)
const long = process.env.TIDEMARK_ORDER_SCHEDULES !== undefined

let database: TestDatabase
let elsewhere: TestDatabase

beforeEach(async () => {
  ;[database, elsewhere] = [await testDatabase(), await testDatabase()]
})

afterEach(async () => {
  await Promise.all([database.drop(), elsewhere.drop()])
})

test(
  'beside aborts, killed backends, an open dump and an open writer elsewhere, readers see every event once, in order',
  async () => {
    const startedAt = performance.now()
    let toldAt = startedAt
    const onDone = ({ schedules: done, events, kills, aborted, unknown }: OrderTotals): void => {
      if (!long || (performance.now() - toldAt < 5_000 && done < schedules)) return
      toldAt = performance.now()
      const seconds = Math.round((toldAt - startedAt) / 1_000)
      process.stderr.write(
        `${seconds} s: ${done} of ${schedules} schedules, ${events} events, ${kills} backends killed, ` +
          `${aborted} transactions aborted, ${unknown} answers lost\n`,
      )
    }
    const totals = await runSchedules({
      url: database.url,
      elsewhere: elsewhere.url,
      seed,
      schedules,
      beside: 8,
      onDone,
    })
    expect(totals.schedules).toBe(schedules)
    if (schedules < 40) return
    // A run in which nothing went wrong would prove little.
    expect(totals.events).toBeGreaterThan(schedules * 5)
    expect(totals.kills).toBeGreaterThan(schedules / 10)
    expect(totals.aborted).toBeGreaterThan(schedules / 10)
  },
  long ? 24 * 60 * 60_000 : 120_000,
)

test('the checks of that test notice a late event, a changed one, a gap, a repeat and a broken promise', () => {
  const at = (position: number, part: Partial<StoredEvent> = {}): StoredEvent =>
    ({ position, id: `e${position}`, stream: 's', version: position, command: null, ...part }) as StoredEvent
  const view = new LaneView('reader')
  view.see(0, [at(1), at(2)])
  expect(() => view.see(2, [at(4)])).toThrow('position 4 where 3')
  expect(() => view.seeWhole([at(1), at(2, { id: 'late' })])).toThrow('event late at position 2, where e2')
  expect(() => view.seeWhole([at(1)])).toThrow('had been at 2')
  const check = (
    events: readonly StoredEvent[],
    acknowledged: Parameters<typeof checkLane>[1] = [],
    absent: string[] = [],
  ) => checkLane(events, acknowledged, new Set(absent))
  expect(() => check([at(1), at(2, { version: 3 })])).toThrow('version 3 where 2')
  expect(() => check([at(1, { command: 'c' }), at(2, { command: 'c' })])).toThrow('stored twice')
  expect(() => check([at(1)], [], ['e1'])).toThrow('told that it is not')
  const promise = { stream: 's', version: 2, position: 2, command: null, ids: ['e1', 'e2'] }
  expect(() => check([at(1), at(2)], [promise])).not.toThrow()
  expect(() => check([at(1), at(2)], [{ ...promise, position: 3, version: 3 }])).toThrow('is not at position')
  expect(() => check([at(1), at(2)], [{ ...promise, command: { id: 'c', hash: '' } }])).toThrow('not with its events')
})
