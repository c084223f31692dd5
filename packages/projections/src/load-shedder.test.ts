import { expect, test } from 'vitest'
import type { Alert } from './alert.ts'
import { createLoadShedder } from './load-shedder.ts'

test('the lag is looked at beside the questions, once a second at most, and told when it begins and ends', async () => {
  let now = 0
  let looks = 0
  let at = { checkpoint: 0, events: 0 }
  const alerts: Alert[] = []
  const shedder = createLoadShedder({
    limits: { events: 100, seconds: 30 },
    lag: async () => {
      looks += 1
      return [{ lane: 3, seconds: 0, ...at }]
    },
    onAlert: (alert) => alerts.push(alert),
    onError: () => {},
    clock: () => now,
  })
  /** Asks, and lets the look that it may have begun end. */
  const ask = async (): Promise<number | undefined> => {
    const answer = shedder.retryAfterMs(3)
    for (let turn = 0; turn < 5; turn++) await Promise.resolve()
    return answer
  }
  await ask()
  await ask()
  expect(looks).toBe(1)
  now = 1_000
  at = { checkpoint: 50, events: 200 }
  await ask()
  expect(looks).toBe(2)
  expect(await ask()).toBe(3_000)
  expect(shedder.retryAfterMs(4)).toBeUndefined()
  now = 2_000
  at = { checkpoint: 220, events: 40 }
  await ask()
  expect(await ask()).toBeUndefined()
  expect(alerts).toEqual([
    { kind: 'overloaded', lane: 3, events: 200, seconds: 0 },
    { kind: 'relieved', lane: 3, events: 40, seconds: 0 },
  ])
})

test('where the lag cannot be seen nobody is sent away, and it is looked at again', async () => {
  let now = 0
  const errors: unknown[] = []
  const shedder = createLoadShedder({
    limits: { events: 100, seconds: 30 },
    lag: () => Promise.reject(new Error('no database')),
    onAlert: () => {},
    onError: (error) => errors.push(error),
    clock: () => now,
  })
  for (let look = 1; look <= 2; look++) {
    expect(shedder.retryAfterMs(0)).toBeUndefined()
    await expect.poll(() => errors.length).toBe(look)
    now += 10_000
  }
})
