import { expect, test } from 'vitest'
import { compareLogs } from './compare-logs.ts'

const original = {
  database: 'system/1',
  standby: false,
  lanes: [
    { lane: 0, head: 9, eventId: 'nine' },
    { lane: 1, head: 4, eventId: 'four' },
  ],
}
const events = new Map([
  ['0/9', 'nine'],
  ['0/7', 'seven'],
  ['1/4', 'four'],
])
const at = ({ lane, position }: { lane: number; position: number }) => events.get(`${lane}/${position}`) ?? null
const copyOf = (...lanes: (typeof original)['lanes']) => ({ database: 'system/2', standby: false, lanes })

test('a copy is one whose lanes end with events of the log at their places; it may be behind', () => {
  const copy = copyOf({ lane: 0, head: 7, eventId: 'seven' }, { lane: 1, head: 4, eventId: 'four' })
  expect(compareLogs(original, copy, at)).toEqual({
    kind: 'copy',
    lanes: [
      { lane: 0, head: 7, behind: 2 },
      { lane: 1, head: 4, behind: 0 },
    ],
  })
})

test.each([
  ['the database itself', original, 'same-database'],
  ['another event at the place', copyOf({ lane: 0, head: 7, eventId: 'other' }), 'other-log'],
  ['events beyond the log', copyOf({ lane: 0, head: 10, eventId: 'ten' }), 'other-log'],
  [
    'one lane of two that is another log',
    copyOf({ lane: 0, head: 9, eventId: 'nine' }, { lane: 1, head: 4, eventId: 'x' }),
    'other-log',
  ],
  ['an empty log', copyOf(), 'other-log'],
] as const)('what is no copy is refused: %s', (_, copy, reason) => {
  expect(compareLogs(original, copy, at)).toMatchObject({ kind: 'refused', reason })
})

test('of an empty log an empty one is a copy', () => {
  expect(compareLogs({ ...original, lanes: [] }, copyOf(), at)).toEqual({ kind: 'copy', lanes: [] })
})
