import { expect, test } from 'vitest'
import { checkSchedule, isSnapshotDue } from './snapshot-due.ts'
import { FIRST_PORTION, nextPortion } from './portion-size.ts'

const age = { checkpoint: 1_000, position: 900, ageSeconds: 7_200 }

test.each([
  ['after so many events', { everyEvents: 100 }, {}, true],
  ['not after fewer', { everyEvents: 101 }, {}, false],
  ['after so many hours', { everyHours: 2 }, {}, true],
  ['not after fewer hours', { everyHours: 2.1 }, {}, false],
  ['after whichever is first', { everyEvents: 500, everyHours: 1 }, {}, true],
  ['by events where there is none', { everyEvents: 1_000 }, { position: 0, ageSeconds: null }, true],
  ['by time where there is none', { everyHours: 24 }, { position: 0, ageSeconds: null }, true],
  ['never of the same rows again', { everyEvents: 1, everyHours: 1 }, { position: 1_000 }, false],
  ['never of nothing', { everyHours: 1 }, { checkpoint: 0, position: 0, ageSeconds: null }, false],
] as const)('a snapshot is due %s', (_, schedule, change, due) => {
  expect(isSnapshotDue(schedule, { ...age, ...change })).toBe(due)
})

test.each([[{}], [{ everyEvents: 0 }], [{ everyEvents: 1.5 }], [{ everyHours: 0 }], [{ everyEvents: 1, keep: 0 }]])(
  'a schedule that makes no sense is refused: %j',
  (schedule) => {
    expect(() => checkSchedule(schedule)).toThrow(RangeError)
  },
)

test('portions grow where rows are small and shrink where they are large', () => {
  expect(nextPortion({ keys: 100, length: 20_000 }, 500)).toBe(500)
  expect(nextPortion({ keys: 100, length: 500_000 }, 500)).toBe(200)
  expect(nextPortion({ keys: 100, length: 50_000_000 }, 500)).toBe(2)
  expect(nextPortion({ keys: 1, length: 5_000_000 }, 500)).toBe(1)
  expect(nextPortion({ keys: 0, length: 0 }, 500)).toBe(FIRST_PORTION)
})
