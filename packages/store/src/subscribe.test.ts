import type { StoredEvent } from '@tidemark/core'
import { createMemoryStore } from '@tidemark/testing'
import { newAppend } from '@tidemark/testing/event-store-contract'
import { expect, test } from 'vitest'
import { DatabaseError } from './errors.ts'
import { subscribeLane, type SubscribeSource } from './subscribe.ts'
import { createWakes } from './wakes.ts'

type Read = SubscribeSource['readLane']

function subscribe(readLane: Read, pollMs: number, wakes = createWakes()) {
  const stopped = new AbortController()
  const controller = new AbortController()
  const events = subscribeLane(
    { readLane, head: async () => 0, wakes, pollMs, stopped: stopped.signal },
    { lane: 0, after: 0, batch: 10, signal: controller.signal },
  )
  return { events, wakes, controller, stopped }
}

/** A poll that never comes: only a hint can end the wait. */
const NEVER = 2 ** 31 - 1

async function storeWith(count: number) {
  const store = createMemoryStore()
  for (let n = 0; n < count; n++) await store.append(newAppend())
  return store
}

const positions = (events: readonly StoredEvent[] | void): number[] => (events ?? []).map((event) => event.position)

test('without hints polling finds what is new', async () => {
  const store = await storeWith(1)
  const { events } = subscribe((read) => store.readLane(read), 5)
  expect(positions((await events.next()).value)).toEqual([1])
  const next = events.next()
  await store.append(newAppend())
  expect(positions((await next).value)).toEqual([2])
  await events.return()
})

test('a hint that comes while the log is being read is not lost', async () => {
  const store = await storeWith(1)
  const wakes = createWakes()
  let reads = 0
  const { events } = subscribe(
    async (read) => {
      const found = await store.readLane(read)
      // The second read sees nothing; the append and its hint come before it has returned.
      if (++reads === 2) {
        await store.append(newAppend())
        wakes.wake(0)
      }
      return found
    },
    NEVER,
    wakes,
  )
  expect(positions((await events.next()).value)).toEqual([1])
  expect(positions((await events.next()).value)).toEqual([2])
  await events.return()
})

test('nothing is read before the consumer asks', async () => {
  const store = await storeWith(25)
  let reads = 0
  const { events, wakes } = subscribe((read) => {
    reads++
    return store.readLane(read)
  }, NEVER)
  expect(reads).toBe(0)
  await events.next()
  wakes.wake(0)
  wakes.wake(0)
  expect(reads).toBe(1)
  await events.return()
})

test('an outage is bridged, and nothing is skipped', async () => {
  const store = await storeWith(1)
  let failures = 2
  const { events } = subscribe((read) => {
    if (failures-- > 0) throw new DatabaseError('not-sent', 'ECONNREFUSED', 'refused', {})
    return store.readLane(read)
  }, NEVER)
  expect(positions((await events.next()).value)).toEqual([1])
  await events.return()
})

test('a bug ends the subscription with its error', async () => {
  const { events } = subscribe(() => Promise.reject(new DatabaseError('rejected', '42P01', 'no table', {})), NEVER)
  await expect(events.next()).rejects.toThrow('no table')
})

test.each(['controller', 'stopped'] as const)('%s ends it while it waits, and its listener goes', async (which) => {
  const all = subscribe(async () => [], NEVER)
  const next = all.events.next()
  await new Promise((resolve) => setImmediate(resolve))
  all[which].abort()
  expect(await next).toEqual({ done: true, value: undefined })
})
