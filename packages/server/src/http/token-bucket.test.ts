import { expect, test } from 'vitest'
import { createRateLimiter } from './token-bucket.ts'

test('admits a burst, then as many as flow in, and says when the next may come', () => {
  let now = 0
  const limiter = createRateLimiter({ burst: 3, perSecond: 2 }, () => now)
  expect([1, 1, 1].map((count) => limiter.take('ann', count))).toEqual([0, 0, 0])
  expect(limiter.take('ann', 1)).toBe(500)
  expect(limiter.take('bob', 1)).toBe(0)
  now = 500
  expect(limiter.take('ann', 1)).toBe(0)
  expect(limiter.take('ann', 2)).toBe(1_000)
  now = 60_000
  expect(limiter.take('ann', 3)).toBe(0)
  expect(limiter.take('ann', 1)).toBe(500)
})

test('a clock that steps back gives nothing away', () => {
  let now = 10_000
  const limiter = createRateLimiter({ burst: 1, perSecond: 1 }, () => now)
  limiter.take('ann', 1)
  now = 0
  expect(limiter.take('ann', 1)).toBeGreaterThan(0)
})
