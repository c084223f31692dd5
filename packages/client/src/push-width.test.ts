import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { planPush } from './push-plan.ts'
import { narrowed, widened } from './push-width.ts'
import { NOTHING_SENDING } from './queue.ts'
import type { PendingRecord } from './records.ts'

const LIMITS = { commands: 100, bytes: 1_000_000 }

function commandAt(seq: number, stream: string): PendingRecord {
  return {
    id: `01900000-0000-7000-8000-${String(seq).padStart(12, '0')}`,
    type: 'order.ship',
    schema: 1,
    stream,
    input: {},
    occurredAt: '2026-03-01T08:00:00.000Z',
    seq,
    base: null,
    prediction: { kind: 'queued' },
    believed: [],
    seen: null,
    answer: null,
    attention: null,
    attempts: 0,
  }
}

describe('a command that breaks every push it is part of', () => {
  test('is alone before long, wherever it stands, and all the others get through', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.nat(299), (count, at) => {
        let left = Array.from({ length: count }, (_, seq) => commandAt(seq, `order/${String(seq)}`))
        const poison = left[at % count] as PendingRecord
        let width = NOTHING_SENDING.width
        let holds = new Map<string, { until: number; reason: string }>()
        let pushes = 0
        while (left.length > 1) {
          const batch = planPush(left, { inFlight: new Set(), accepted: new Set(), holds, width }, 0, LIMITS)
          expect(++pushes).toBeLessThan(40)
          if (!batch.includes(poison)) {
            width = widened(width, batch)
            left = left.filter((each) => !batch.includes(each))
            continue
          }
          width = narrowed(width, batch)
          holds = width.suspects.has(poison.id)
            ? new Map([[poison.stream, { until: 1, reason: 'unavailable' }]])
            : holds
        }
        expect(left).toEqual([poison])
      }),
    )
  })

  test('goes alone from then on, and is one of many again once it was answered', () => {
    const [first, second] = [commandAt(1, 'order/a'), commandAt(2, 'order/b')] as const
    const free = { inFlight: new Set<string>(), accepted: new Set<string>(), holds: new Map<string, never>() }
    const width = narrowed(NOTHING_SENDING.width, [second])
    expect(planPush([first, second], { ...free, width }, 0, LIMITS)).toEqual([first])
    expect(planPush([second, first], { ...free, width }, 0, LIMITS)).toEqual([second])
    const after = widened(width, [second])
    expect(planPush([second, first], { ...free, width: after }, 0, LIMITS)).toEqual([second, first])
  })
})
