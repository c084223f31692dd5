import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { BEAT, beginWatch, isSilent, lookAgain, SILENCE } from './leader-watch.ts'

test('a leader is silent after ten seconds without a beat, and not before', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 2 * BEAT }), { maxLength: 40 }), (gaps) => {
      let watch = beginWatch(1_000)
      let now = 1_000
      for (const gap of gaps) {
        now += gap
        watch = lookAgain(watch, now)
        expect(isSilent(watch)).toBe(now - 1_000 >= SILENCE)
      }
    }),
  )
})

test('a tab that was frozen itself, or whose clock was set, accuses nobody', () => {
  const nearly = { quiet: SILENCE - 1, at: 50_000 }
  expect(isSilent(lookAgain(nearly, 50_000 + BEAT))).toBe(true)
  expect(lookAgain(nearly, 50_000 + 2 * BEAT + 1)).toEqual({ quiet: 0, at: 55_001 })
  expect(lookAgain(nearly, 3_650_000)).toEqual({ quiet: 0, at: 3_650_000 })
  expect(lookAgain(nearly, 49_999)).toEqual({ quiet: 0, at: 49_999 })
})
