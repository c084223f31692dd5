import { expect, test } from 'vitest'
import { createRunGuarded } from './run-guarded.ts'

const LIMIT_MS = 100

/** A process that is always at work, however starved the machine of the test is. */
const brokenOff = (work: () => unknown) => createRunGuarded(LIMIT_MS, () => performance.now())(work)

test('what ends in time gives its value, or its error', () => {
  const run = createRunGuarded(10_000)
  expect(run(() => 7)).toEqual({ kind: 'done', value: 7 })
  expect(run(() => undefined)).toEqual({ kind: 'done', value: undefined })
  const thrown = run(() => {
    throw new TypeError('no such field')
  })
  expect(thrown).toEqual({ kind: 'failed', hung: false, message: 'no such field' })
})

test.each<readonly [string, () => unknown]>([
  [
    'an endless loop',
    () => {
      for (;;);
    },
  ],
  ['a pattern that backtracks for ever', () => /^(a+)+$/.test(`${'a'.repeat(50)}b`)],
  [
    'a loop that catches everything',
    () => {
      for (;;) {
        try {
          for (;;);
        } catch {
          // whatever it was
        }
      }
    },
  ],
])('%s is broken off', (_, work) => {
  expect(brokenOff(work)).toEqual({ kind: 'failed', hung: true, message: `It did not end within ${LIMIT_MS} ms.` })
})

test('after one that was broken off the next one runs', () => {
  const run = createRunGuarded(10_000)
  brokenOff(() => {
    for (;;);
  })
  expect(run(() => 'next')).toEqual({ kind: 'done', value: 'next' })
})

test('a process that got no processor time has nobody to blame', () => {
  const endless = (): never => {
    for (;;);
  }
  expect(() => createRunGuarded(LIMIT_MS, () => 0)(endless)).toThrow('too little processor time')
})
