import { expect, test } from 'vitest'
import { backOffMs, estimateBytes, nextBatchSize } from './pacing.ts'

test('a batch grows after a full and quick one, shrinks after a slow one, and stays inside its bounds', () => {
  expect(nextBatchSize(100, { events: 100, ms: 20 }, 1_000)).toBe(200)
  expect(nextBatchSize(800, { events: 800, ms: 20 }, 1_000)).toBe(1_000)
  expect(nextBatchSize(100, { events: 99, ms: 20 }, 1_000)).toBe(100)
  expect(nextBatchSize(100, { events: 100, ms: 600 }, 1_000)).toBe(100)
  expect(nextBatchSize(400, { events: 400, ms: 1_500 }, 1_000)).toBe(200)
  expect(nextBatchSize(60, { events: 60, ms: 1_500 }, 1_000)).toBe(50)
  expect(nextBatchSize(10, { events: 10, ms: 1_500 }, 10)).toBe(10)
})

test('a batch of large events is as small as their size asks for, and grows again behind them', () => {
  const large = { events: 100, ms: 20, bytes: 100 * 200_000 }
  expect(nextBatchSize(100, large, 1_000)).toBe(40)
  expect(nextBatchSize(40, { events: 40, ms: 20, bytes: 40 * 20_000_000 }, 1_000)).toBe(1)
  expect(nextBatchSize(40, { events: 40, ms: 20, bytes: 40 * 110 }, 1_000)).toBe(80)
  expect(nextBatchSize(1, { events: 1, ms: 20, bytes: 110 }, 1_000)).toBe(2)
})

test('the size of events is told from some of them', () => {
  const events = Array.from({ length: 100 }, () => ({ data: { text: 'x'.repeat(989) } }))
  expect(estimateBytes(events)).toBe(100 * 1_000)
  expect(estimateBytes([])).toBe(0)
})

test('pauses grow with the failures up to 2 s, are never zero, and are spread', () => {
  expect(backOffMs(1, 0)).toBeGreaterThan(0)
  expect(backOffMs(1, 0.999)).toBeLessThanOrEqual(50)
  expect(backOffMs(4, 0.999)).toBeGreaterThan(backOffMs(1, 0.999))
  expect(backOffMs(1_000_000, 0.999)).toBeLessThanOrEqual(2_000)
  expect(backOffMs(5, 0)).toBeLessThan(backOffMs(5, 0.9))
})
