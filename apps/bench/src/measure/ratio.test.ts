import { expect, test } from 'vitest'
import { medianOf, ratioOf } from './ratio.ts'

test('a median is the middle, or the mean of the two middles', () => {
  expect(medianOf([3, 1, 2])).toBe(2)
  expect(medianOf([4, 1, 3, 2])).toBe(2.5)
  expect(() => medianOf([])).toThrow('no samples')
})

test('a ratio stands on its median: one wild pair widens what is shown and moves nothing', () => {
  const quotients = [0.7, 0.71, 0.69, 0.72, 0.68, 0.7, 0.71, 0.69, 40]
  const ratio = ratioOf(quotients)
  expect(ratio).toMatchObject({ median: 0.7, min: 0.68, max: 40, pairs: 9 })
  expect(ratio.low).toBeGreaterThanOrEqual(0.68)
  expect(ratio.low).toBeLessThanOrEqual(ratio.median)
  expect(ratio.high).toBeGreaterThanOrEqual(ratio.median)
  expect(ratio.high).toBeLessThan(40)
})

test('the same pairs always give the same interval', () => {
  const quotients = [1, 2, 3, 4, 5, 6, 7, 8, 9]
  expect(ratioOf(quotients)).toEqual(ratioOf(quotients))
})
