import { expect, test } from 'vitest'
import { quantileOf, quantilesOf } from './quantiles.ts'

test('a quantile is the smallest sample that the given share does not exceed', () => {
  const samples = [5, 1, 4, 2, 3, 10, 6, 9, 7, 8]
  expect(quantileOf(samples, 0.5)).toBe(5)
  expect(quantileOf(samples, 0.95)).toBe(10)
  expect(quantileOf(samples, 0.1)).toBe(1)
  expect(quantileOf([7], 0.95)).toBe(7)
  expect(samples[0]).toBe(5)
})

test('quantiles are rounded to two decimals', () => {
  expect(quantilesOf([1.23456, 1.23456, 9.87654])).toEqual({ p50: 1.23, p95: 9.88 })
})

test('no samples have no quantile', () => {
  expect(() => quantileOf([], 0.5)).toThrow('no samples')
})
