import { describe, expect, test } from 'vitest'
import { interpretEvents } from './interpret-events.ts'
import { toProjectionSet } from './registered-projection.ts'
import { boxes, logged } from './test-domain.ts'
import { registerAll } from './test-replay.ts'

const set = toProjectionSet(registerAll(boxes))
const interpret = (type: string, data: object, schema: number) =>
  interpretEvents(boxes, set, [logged(1, 'item/1', type, data as never, { schema })])

describe('events that cannot be read', () => {
  test.each([
    ['unknown-type', 'item.vanished', {}, 1],
    ['newer-schema', 'item.put', { box: 'a', name: 'cup' }, 9],
  ])('%s: the code may be too old, so the lane stops before it and says which', (reason, type, data, schema) => {
    const { touches, last, block } = interpret(type, data, schema)
    expect({ touches, last }).toEqual({ touches: [], last: undefined })
    expect(block).toMatchObject({ reason, position: 1, detail: expect.stringContaining(type) as string })
  })

  test.each([
    ['missing-upcaster', 'item.put', { box: 'a' }, 0, /no upcaster leads on from version 0/],
    ['upcaster-failed', 'item.put', null, 1, /the upcaster from version 1 threw/],
    ['invalid-data', 'item.moved', { box: 7 }, 1, /does not match its schema: box:/],
  ])('%s: no newer code helps, so it is parked and says why', (reason, type, data, schema, message) => {
    const { touches, block } = interpret(type, data as object, schema)
    expect(block).toBeUndefined()
    expect(touches.length).toBeGreaterThan(0)
    for (const { folding } of touches) {
      expect(folding).toMatchObject({ kind: 'park', error: { reason } })
      expect(folding.kind === 'park' && folding.error.message).toMatch(message)
    }
  })

  test('an unknown type of an aggregate that no projection is over concerns nobody', () => {
    expect(interpret('stranger.came', {}, 1)).toMatchObject({ touches: [], block: undefined, last: { position: 1 } })
  })
})
