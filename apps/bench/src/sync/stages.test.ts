import { expect, test } from 'vitest'
import type { Mark, MarkName } from './sync-peer.ts'
import { stagesOf } from './stages.ts'

const crossing = { dispatched: 100, painted: 130 }
const mark = (name: MarkName, at: number): Mark => ({ name, at })
const marks = [
  mark('sent', 106),
  mark('received', 107),
  mark('appended', 110),
  mark('projected', 115),
  mark('looked', 116),
  mark('read', 118),
  mark('written', 119),
  mark('arrived', 121),
  mark('stored', 126),
]

test('the stages of a crossing add up to the whole of it', () => {
  const stages = stagesOf(crossing, marks)
  expect(stages).toEqual({
    sent: 6,
    received: 1,
    appended: 3,
    projected: 5,
    looked: 1,
    read: 2,
    written: 1,
    arrived: 2,
    stored: 5,
    painted: 4,
  })
  expect(Object.values(stages ?? {}).reduce((sum, ms) => sum + ms, 0)).toBe(30)
})

test('marks of the crossings before and after it, and looks that found nothing, do not count', () => {
  const others = [mark('sent', 50), mark('looked', 101), mark('read', 102), mark('sent', 140), mark('written', 141)]
  expect(stagesOf(crossing, [...others, ...marks])).toEqual(stagesOf(crossing, marks))
})

test('a crossing that lacks a mark is not told in stages', () => {
  expect(
    stagesOf(
      crossing,
      marks.filter(({ name }) => name !== 'read'),
    ),
  ).toBeUndefined()
})
