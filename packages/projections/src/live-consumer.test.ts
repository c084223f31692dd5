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
