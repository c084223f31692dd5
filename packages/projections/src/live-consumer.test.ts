import { expect, test } from 'vitest'
import type { Driver } from '@tidemark/store'
import { createAdvances } from './advances.ts'
import { createCounters } from './counters.ts'
import { createLiveConsumer } from './live-consumer.ts'
import { boxes } from './test-domain.ts'

const nothing = { members: [], ids: [], byEventType: new Map(), aggregates: new Set<string>() }

test('a batch that threw is tried again smaller, until one comes through', async () => {
  const asked: number[] = []
  const consumer = createLiveConsumer({
    domain: boxes,
    store: {
      readLane: ({ limit }) => {
        asked.push(limit)
        return limit > 10 ? Promise.reject(new Error('too little processor time')) : Promise.resolve([])
      },
    },
    sql: { query: () => Promise.resolve([]) } as unknown as Driver,
    runGuarded: (work) => ({ kind: 'done', value: work() }),
    lane: 0,
    largestBatch: 1_000,
    onMassFailure: 'stop',
    advances: createAdvances(() => undefined),
    onAlert: () => undefined,
    counters: createCounters(0),
    clock: () => 0,
  })
  for (let tries = 0; tries < 4; tries++) await expect(consumer.step(nothing, 1)).rejects.toThrow('processor time')
  expect(await consumer.step(nothing, 1)).toEqual({ kind: 'moved', more: false })
  expect(asked).toEqual([100, 50, 25, 12, 6])
})

test('what was committed is looked at once more when it has become quiet: a crash may have taken it back', async () => {
  let time = 0
  let stored = 0
  let looks = 0
  const event = { type: 'item.put', schema: 1, tenant: 'acme', stream: 'item/1', version: 1, position: 1, id: 'e1' }
  const advances = createAdvances(() => undefined)
  const consumer = createLiveConsumer({
    domain: boxes,
    store: {
      readLane: ({ after }) =>
        Promise.resolve(after === 0 ? [{ ...event, data: { box: 'a', name: 'cup' } } as never] : []),
    },
    sql: {
      query: (text: string) => {
        if (text.includes('commit_batch')) {
          stored = 1
          return Promise.resolve([{ answer: 'committed' }])
        }
        if (!text.includes('tidemark.checkpoints')) return Promise.resolve([])
        looks += 1
        return Promise.resolve([{ position: stored, eventId: null, fence: 1 }])
      },
    } as unknown as Driver,
    runGuarded: (work) => ({ kind: 'done', value: work() }),
    lane: 0,
    largestBatch: 1_000,
    onMassFailure: 'stop',
    advances,
    onAlert: () => undefined,
    counters: createCounters(0),
    clock: () => time,
  })
  const at = async (ms: number): Promise<readonly [number, number]> => {
    time = ms
    await consumer.step(nothing, 1)
    return [advances.at(0), looks]
  }
  expect(await at(0)).toEqual([1, 1])
  expect(await at(999)).toEqual([1, 1])
  const told: number[] = []
  advances.listen((_, position) => told.push(position))
  stored = 0
  // Seen, and folded again.
  expect(await at(1_000)).toEqual([1, 2])
  expect(told).toEqual([1])
  expect(await at(2_000)).toEqual([1, 3])
  expect(await at(9_000)).toEqual([1, 3])
})
