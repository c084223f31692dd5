import { expect, test } from 'vitest'
import { FULL_PACE, nextPace, restMs, type BuildPace } from './build-pace.ts'

const after = (pace: BuildPace, probes: readonly number[], most = 1): BuildPace =>
  probes.reduce((now, probe) => nextPace(now, probe, most), pace)

test('on a quiet database it takes all that it may', () => {
  expect(after(FULL_PACE, [0.3, 0.4, 0.3, 0.5]).share).toBe(1)
  expect(after(FULL_PACE, [0.3, 0.4, 0.3, 0.5], 0.25).share).toBe(0.25)
})

test('where others wait it gives way quickly, never altogether, and comes back slowly', () => {
  const busy = after(FULL_PACE, [0.3, ...Array<number>(20).fill(8)])
  expect(busy.share).toBeCloseTo(0.2)
  const better = after(busy, [0.3, 0.3])
  expect(better.share).toBeCloseTo(0.3)
  expect(after(better, Array<number>(20).fill(0.3)).share).toBe(1)
})

test('a share below the smallest is kept to', () => {
  expect(after(FULL_PACE, [0.3, 9, 9, 9], 0.01).share).toBe(0.01)
})

test('a slower database is the new quiet after a while', () => {
  expect(after(FULL_PACE, [0.3, ...Array<number>(400).fill(4)]).share).toBe(1)
})

test('half the time is a rest as long as the work, and no rest is longer than half a second', () => {
  expect(restMs({ ...FULL_PACE, share: 0.5 }, 40)).toBe(40)
  expect(restMs(FULL_PACE, 40)).toBe(0)
  expect(restMs({ ...FULL_PACE, share: 0.2 }, 400)).toBe(500)
})
