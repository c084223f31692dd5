import { expect, test } from 'vitest'
import { createRunGuarded } from '../run-guarded.ts'
import { guardEach } from './guard-each.ts'

const half = (n: number): number => {
  if (n === 0) throw new Error('nothing to halve')
  while (n < 0);
  return n / 2
}
const done = (value: number) => ({ kind: 'done', value })

test('what throws has failed alone, and all of them take one guard', () => {
  const runGuarded = createRunGuarded(500)
  let guards = 0
  const results = guardEach(
    (work) => {
      guards += 1
      return runGuarded(work)
    },
    [4, 0, 6],
    half,
  )
  expect(results).toEqual([done(2), { kind: 'failed', hung: false, message: 'nothing to halve' }, done(3)])
  expect(guards).toBe(1)
})

test('what does not end has failed alone as well', () => {
  expect(guardEach(createRunGuarded(20), [4, -1, 6], half)).toMatchObject([
    done(2),
    { kind: 'failed', hung: true, message: 'It did not end within 20 ms.' },
    done(3),
  ])
})
