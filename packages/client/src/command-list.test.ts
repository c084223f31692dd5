import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createCommandList } from './command-list.ts'
import type { PendingRecord } from './records.ts'

function command(id: string, stream: string, seq: number): PendingRecord {
  return {
    id,
    stream,
    seq,
    type: 'order.place',
    schema: 1,
    input: {},
    occurredAt: '2026-01-01T00:00:00.000Z',
    base: null,
    prediction: { kind: 'queued' },
    believed: [],
    seen: null,
    answer: null,
    attention: null,
    attempts: 0,
  }
}

test('whatever is put, replaced and dropped, it lists what a sorted list would', () => {
  const id = fc.constantFrom('a', 'b', 'c', 'd', 'e')
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('put' as const),
      id,
      stream: fc.constantFrom('order/1', 'order/2'),
      seq: fc.integer({ min: 1, max: 1_000 }),
    }),
    fc.record({ kind: fc.constant('drop' as const), id }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const list = createCommandList()
      const model = new Map<string, PendingRecord>()
      for (const at of steps) {
        // An id stays in its stream, and no two have one place.
        const stream = model.get(at.id)?.stream
        if (at.kind === 'drop') {
          list.drop(at.id)
          model.delete(at.id)
        } else if (![...model.values()].some((each) => each.seq === at.seq && each.id !== at.id)) {
          const put = command(at.id, stream ?? at.stream, at.seq)
          list.put(put)
          model.set(at.id, put)
        }
        const sorted = [...model.values()].sort((a, b) => a.seq - b.seq)
        expect(list.all()).toEqual(sorted)
        expect(list.all()).toBe(list.all())
        for (const each of ['order/1', 'order/2']) {
          expect(list.of(each)).toEqual(sorted.filter(({ stream: of }) => of === each))
        }
        expect(list.get(at.id)).toBe(model.get(at.id))
      }
    }),
  )
})
