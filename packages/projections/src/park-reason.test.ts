import { expect, test } from 'vitest'
import { PARKED_REASONS, parkedAdvice, reasonsOf } from './park-reason.ts'

test('whatever is wrong with an event, there is a thing to do of its own; one that waits needs none', () => {
  const advice = PARKED_REASONS.filter((reason) => reason !== 'behind').map(parkedAdvice)
  expect(advice.every((text) => text !== undefined && text.length > 0)).toBe(true)
  expect(new Set(advice).size).toBe(advice.length)
  expect(parkedAdvice('behind')).toBeUndefined()
})

test('unreadable picks all that cannot be read, by whatever release it was set aside, and nothing else', () => {
  const others = PARKED_REASONS.filter((reason) => !reasonsOf('unreadable').includes(reason))
  expect(others).toEqual(['failed', 'behind'])
  for (const reason of others) expect(reasonsOf(reason)).toEqual([reason])
})
