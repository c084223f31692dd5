import { describe, expect, test } from 'vitest'
import { CLOSED, judge, OPEN_AT, wake, WINDOW, type Breaker, type Tally } from './circuit-breaker.ts'

const tally = (tried: number, failed: number, projection = 'items'): Tally => ({
  projection,
  tried,
  failed,
  error: failed === 0 ? undefined : 'cannot fold',
})

/** One event after the other. */
function oneByOne(breaker: Breaker, results: readonly boolean[]): Breaker {
  return results.reduce((now, ok) => judge(now, [tally(1, ok ? 0 : 1)], 0), breaker)
}
const bad = (count: number): readonly boolean[] => Array.from({ length: count }, () => false)
const good = (count: number): readonly boolean[] => Array.from({ length: count }, () => true)

describe('a closed breaker', () => {
  test('opens on a batch that fails throughout, and says why', () => {
    expect(judge(CLOSED, [tally(1_000, 1_000)], 70)).toEqual({
      kind: 'open',
      until: 70 + 5_000,
      openings: 1,
      cause: { projection: 'items', tried: 1_000, failed: 1_000, error: 'cannot fold' },
    })
  })

  test('opens at the failure that makes it most of them, whether they come alone or together', () => {
    expect(oneByOne(CLOSED, bad(OPEN_AT.failures - 1)).kind).toBe('closed')
    expect(oneByOne(CLOSED, bad(OPEN_AT.failures)).kind).toBe('open')
    expect(judge(CLOSED, [tally(OPEN_AT.failures, OPEN_AT.failures)], 0).kind).toBe('open')
    expect(judge(CLOSED, [tally(OPEN_AT.failures - 1, OPEN_AT.failures - 1)], 0).kind).toBe('closed')
  })

  test('stays closed while a fair share is well, however many fail in all', () => {
    const mixed = Array.from({ length: 2_000 }, (_, n) => n % 3 === 0)
    expect(oneByOne(CLOSED, mixed).kind).toBe('closed')
    expect(judge(CLOSED, [tally(1_000, 790)], 0).kind).toBe('closed')
  })

  test('forgets what is further back than its window', () => {
    const before = oneByOne(CLOSED, good(10 * WINDOW))
    expect(oneByOne(before, bad(OPEN_AT.failures)).kind).toBe('closed')
    expect(oneByOne(before, bad(4 * WINDOW)).kind).toBe('open')
    expect(judge(before, [tally(WINDOW, WINDOW)], 0).kind).toBe('open')
  })

  test('looks at each projection by itself: one that fails throughout is not hidden by nine that do not', () => {
    const fine = Array.from({ length: 9 }, (_, n) => tally(100, 0, `fine-${n}`))
    expect(judge(CLOSED, [...fine, tally(100, 100, 'broken')], 0)).toMatchObject({
      kind: 'open',
      cause: { projection: 'broken' },
    })
  })
})

describe('an open breaker', () => {
  const open = judge(CLOSED, [tally(100, 100)], 0)

  test('is left alone until its time is up', () => {
    expect(wake(open, 4_999)).toBe(open)
    expect(judge(open, [tally(100, 0)], 4_999)).toBe(open)
    expect(wake(open, 5_000)).toMatchObject({ kind: 'half-open', openings: 1 })
  })

  test('closes after one small batch that is well, with nothing remembered', () => {
    const closed = judge(wake(open, 5_000), [tally(20, 0)], 5_000)
    expect(closed).toMatchObject({ kind: 'closed' })
    expect(oneByOne(closed, bad(30)).kind).toBe('closed')
  })

  test('opens again, for longer each time and never longer than a minute, where the small batch fails', () => {
    let breaker: Breaker = open
    const pauses: number[] = []
    for (let now = 0; pauses.length < 7;) {
      if (breaker.kind !== 'open') throw new Error('It is to be open.')
      pauses.push(breaker.until - now)
      now = breaker.until
      breaker = judge(wake(breaker, now), [tally(20, 20)], now)
    }
    expect(pauses).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000])
  })

  test('stays half open over a batch that concerns no projection', () => {
    const half = wake(open, 5_000)
    expect(judge(half, [], 5_000)).toBe(half)
    expect(judge(half, [tally(0, 0)], 5_000)).toBe(half)
  })
})
