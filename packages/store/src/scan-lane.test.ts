import { createMemoryStore } from '@tidemark/testing'
import { newAppend, newEvent } from '@tidemark/testing/event-store-contract'
import { expect, test } from 'vitest'
import { scanLane } from './scan-lane.ts'

/** A log in which every hundredth of 250 events is rare, the last one too. */
async function setUp() {
  const store = createMemoryStore()
  const types = Array.from({ length: 250 }, (_, n) =>
    (n + 1) % 100 === 0 || n === 249 ? 'order.rare' : 'order.placed',
  )
  await store.append(newAppend({ events: types.map((type) => newEvent({}, type)) }))
  const scan = async (after: number, part: { limit?: number; window?: number } = {}) => {
    const { events, upTo } = await scanLane(store, { lane: 0, after, types: ['order.rare'], window: 80, ...part })
    return { found: events.map((event) => event.position), upTo }
  }
  return { store, scan }
}

test('a window without an event of the type still moves on, up to the head and no farther', async () => {
  const { scan } = await setUp()
  expect(await scan(0)).toEqual({ found: [], upTo: 80 })
  expect(await scan(80)).toEqual({ found: [100], upTo: 160 })
  expect(await scan(160)).toEqual({ found: [200], upTo: 240 })
  expect(await scan(240)).toEqual({ found: [250], upTo: 250 })
  expect(await scan(250)).toEqual({ found: [], upTo: 250 })
})

test('a full answer ends with its last event, so that nothing behind it is skipped', async () => {
  const { scan } = await setUp()
  expect(await scan(0, { limit: 2, window: 10_000 })).toEqual({ found: [100, 200], upTo: 200 })
  expect(await scan(200, { limit: 2, window: 10_000 })).toEqual({ found: [250], upTo: 250 })
})

test('what is stored while it looks is found by the next call', async () => {
  const { store } = await setUp()
  const late = {
    ...store,
    head: async (lane: number) => {
      const head = await store.head(lane)
      await store.append(newAppend({ events: [newEvent({}, 'order.rare')] }))
      return head
    },
  }
  const ask = (after: number) => scanLane(late, { lane: 0, after, types: ['order.rare'] })
  const first = await ask(0)
  expect(first.events.map((event) => event.position)).toEqual([100, 200, 250])
  expect((await ask(first.upTo)).events.map((event) => event.position)).toEqual([251])
})
