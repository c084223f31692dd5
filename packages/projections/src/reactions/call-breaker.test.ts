import { expect, test } from 'vitest'
import { afterCall, CALLS_CLOSED, mayCall, type CallBreaker } from './call-breaker.ts'

const failing = (times: number, from: CallBreaker = CALLS_CLOSED, now = 0): CallBreaker =>
  Array.from({ length: times }).reduce<CallBreaker>((breaker) => afterCall(breaker, false, now), from)

test('five failures in a row open it, and a call that is well in between does not let it come to that', () => {
  expect(failing(4)).toEqual({ kind: 'closed', failures: 4 })
  expect(failing(4, afterCall(failing(4), true, 0))).toEqual({ kind: 'closed', failures: 4 })
  expect(failing(5)).toEqual({ kind: 'open', until: 1_000, openings: 1 })
  // Calls that were under way when it opened.
  expect(failing(9)).toEqual({ kind: 'open', until: 1_000, openings: 1 })
})

test('an open one lets nobody through before its time, and then exactly one', () => {
  const open = failing(5)
  expect(mayCall(open, 400)).toEqual({ kind: 'wait', ms: 600 })
  const half: CallBreaker = { kind: 'half-open', openings: 1 }
  expect(mayCall(open, 1_000)).toEqual({ kind: 'go', breaker: half })
  expect(mayCall(half, 1_000)).toMatchObject({ kind: 'wait' })
})

test('that one closes it, or opens it for twice as long, up to a minute', () => {
  const half: CallBreaker = { kind: 'half-open', openings: 1 }
  expect(afterCall(half, true, 7)).toEqual(CALLS_CLOSED)
  expect(afterCall(half, false, 7)).toEqual({ kind: 'open', until: 2_007, openings: 2 })
  expect(afterCall({ kind: 'half-open', openings: 50 }, false, 0)).toMatchObject({ until: 60_000 })
})

test('a closed one lets everybody through', () => {
  expect(mayCall(failing(3), 0)).toEqual({ kind: 'go', breaker: { kind: 'closed', failures: 3 } })
})
