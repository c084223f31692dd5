import { expect, test } from 'vitest'
import { FIRST_RUN, FULL_PACE, nextPace, nextRun, piecesOf, restMs, type BuildPace } from './build-pace.ts'

const NOTHING_LIVE = 60_000

const after = (pace: BuildPace, probes: readonly number[], most = 1, liveAgeMs = NOTHING_LIVE): BuildPace =>
  probes.reduce((now, tookMs) => nextPace(now, { tookMs, liveAgeMs }, most), pace)

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

test('while events come in it keeps to two fifths of its time from the first question on, however quick the answers', () => {
  const beside = after(FULL_PACE, [0.3], 1, 2)
  expect(beside.share).toBe(0.42)
  expect(after(beside, Array<number>(20).fill(0.3), 1, 2).share).toBe(0.42)
  expect(after(beside, [0.3, 9, 9, 9, 9], 1, 2).share).toBeCloseTo(0.2)
  expect(after(beside, [0.3]).share).toBe(1)
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

test('pieces are small until it is known that nobody else is there, and while somebody is', () => {
  const quiet = after(FULL_PACE, [0.3])
  expect(piecesOf(quiet).events).toBeGreaterThan(piecesOf(FULL_PACE).events)
  expect(piecesOf(after(quiet, [0.3], 1, 2))).toEqual(piecesOf(FULL_PACE))
})

test('runs of the code come to take some two milliseconds, whatever an event costs', () => {
  const settle = (msOfEvent: number): number => {
    let run = FIRST_RUN
    for (let times = 0; times < 30; times++) run = nextRun(run, run * msOfEvent)
    return run
  }
  expect(settle(0.004)).toBe(500)
  expect(settle(0.1)).toBe(20)
  expect(settle(5)).toBe(20)
  expect(settle(0)).toBe(1_000)
})
