import { expect, test } from 'vitest'
import { describeEventStore, newAppend, newEvent } from './event-store-contract.ts'
import { createMemoryStore } from './memory-store.ts'

describeEventStore('the memory store', async () => ({ store: createMemoryStore(), close: async () => {} }))

test('recorded times never run backwards, whatever the clock does', async () => {
  const times = [5_000, 1_000, 9_000]
  const store = createMemoryStore({ now: () => times.shift() ?? 0 })
  for (let count = 0; count < 3; count++) await store.append(newAppend())
  const events = await store.readLane({ lane: 0, after: 0, limit: 10 })
  expect(events.map((event) => Date.parse(event.recordedAt))).toEqual([5_000, 5_000, 9_000])
})

test('what is appended together is recorded at one time, however long it takes', async () => {
  let time = 0
  const store = createMemoryStore({ now: () => time++ })
  const { tenant, principal, device, occurredAt } = newAppend()
  const streams = ['order/1', 'order/2'].map((stream) => ({ stream, expected: 0, events: [newEvent()] }))
  await store.appendAtomically({ tenant, principal, device, command: null, occurredAt, streams })
  const events = await store.readLane({ lane: 0, after: 0, limit: 10 })
  expect(new Set(events.map((event) => event.recordedAt)).size).toBe(1)
})

test('what a caller or a reader does to an object afterwards changes nothing in the log', async () => {
  const store = createMemoryStore()
  const data = { list: [1] }
  await store.append(newAppend({ events: [newEvent(data)] }))
  data.list.push(2)
  const [event] = await store.readLane({ lane: 0, after: 0, limit: 1 })
  expect(event?.data).toEqual({ list: [1] })
  const stored = event?.data as { list: number[] }
  expect(() => stored.list.push(3)).toThrow(TypeError)
})
