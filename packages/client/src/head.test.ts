import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createHead } from './head.ts'

interface Item {
  readonly id: string
  readonly at: number
}

const change = fc.oneof(
  fc.record({ kind: fc.constant('put' as const), at: fc.integer({ min: 0, max: 30 }) }),
  fc.record({ kind: fc.constant('drop' as const), at: fc.integer({ min: 0, max: 30 }) }),
  fc.record({ kind: fc.constant('reload' as const) }),
)

describe('the head of a set', () => {
  test('holds the first of it without a gap, twice as many as are read at most, and says when more should be read', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.array(change, { maxLength: 60 }), (limit, changes) => {
        const head = createHead<Item, number>(limit, { idOf: ({ id }) => id, keyOf: ({ at }) => at })
        const all = new Map<string, Item>()
        const inOrder = (): Item[] => [...all.values()].sort((a, b) => a.at - b.at)
        for (const each of changes) {
          if (each.kind === 'reload') {
            head.load(inOrder().slice(0, limit), all.size <= limit)
          } else {
            const id = `i${each.at}`
            const item = { id, at: each.at }
            if (each.kind === 'put') {
              all.set(id, item)
              head.put(item)
            } else {
              all.delete(id)
              head.drop(id)
            }
          }
          const held = head.all()
          expect(held).toEqual(inOrder().slice(0, held.length))
          expect(held.length).toBeLessThanOrEqual(limit * 2)
          if (head.isWhole) expect(held).toHaveLength(all.size)
          expect(head.isShort).toBe(!head.isWhole && held.length < limit / 2)
        }
      }),
      { numRuns: 300 },
    )
  })
})
