import { describe, expect, test } from 'vitest'
import { shedLoad, type LagSample, type Shedding } from './shed-load.ts'

const limits = { events: 1_000, seconds: 30 }
const sample = (at: number, checkpoint: number, events: number, seconds = 0): LagSample => ({
  at: at * 1_000,
  checkpoint,
  events,
  seconds,
})
const after = (...samples: readonly LagSample[]): Shedding | undefined =>
  samples.reduce<Shedding | undefined>((before, next) => shedLoad(before, next, limits), undefined)

describe('commands are sent away', () => {
  test('where the rows are too many events behind and move, for as long as the rest takes to fold', () => {
    // 100 a second; half of the limit is reached when 700 are folded.
    expect(after(sample(0, 0, 900), sample(1, 100, 1_200))?.retryAfterMs).toBe(7_000)
  })

  test('where they are too old, however few', () => {
    expect(after(sample(0, 0, 10, 29), sample(1, 5, 10, 31))?.retryAfterMs).toBe(500)
  })

  test('until they have come back to half of the limits', () => {
    const full = [sample(0, 0, 900), sample(1, 100, 1_200)]
    expect(after(...full, sample(2, 700, 600))?.retryAfterMs).toBeDefined()
    expect(after(...full, sample(2, 700, 500))?.retryAfterMs).toBeUndefined()
    expect(after(...full, sample(2, 700, 500), sample(3, 800, 900))?.retryAfterMs).toBeUndefined()
  })

  test('never for more than half a minute', () => {
    expect(after(sample(0, 0, 900_000), sample(1, 1, 900_000))?.retryAfterMs).toBe(30_000)
  })
})

describe('commands are taken', () => {
  test('while the rows keep up', () => {
    expect(after(sample(0, 0, 900, 20), sample(1, 100, 1_000, 30))?.retryAfterMs).toBeUndefined()
  })

  test('where nobody folds: waiting would not help', () => {
    expect(after(sample(0, 5, 9_000, 90), sample(1, 5, 9_500, 91))?.retryAfterMs).toBeUndefined()
    const full = [sample(0, 0, 900), sample(1, 100, 1_200)]
    expect(after(...full, sample(2, 100, 1_300))?.retryAfterMs).toBeUndefined()
  })

  test('before a second look has shown that the lane moves', () => {
    expect(after(sample(0, 0, 9_000))?.retryAfterMs).toBeUndefined()
  })
})
