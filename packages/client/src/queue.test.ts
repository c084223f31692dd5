import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { WIRE_LIMITS } from '@tidemark/core'
import { planPush, utf8Length } from './push-plan.ts'
import { byStream, describePending, NOTHING_SENDING, toPushed } from './queue.ts'
import type { PendingRecord } from './records.ts'

const LIMITS = { commands: WIRE_LIMITS.commandsPerPush, bytes: WIRE_LIMITS.bodyBytes }

function pending(seq: number, stream: string, more: Partial<PendingRecord> = {}): PendingRecord {
  return {
    id: `01900000-0000-7000-8000-${String(seq).padStart(12, '0')}`,
    seq,
    type: 'order.addLine',
    schema: 1,
    stream,
    input: { sku: 'cup' },
    occurredAt: '2026-01-01T00:00:00.000Z',
    base: { version: 1, after: null },
    prediction: { kind: 'events', events: [] },
    believed: [],
    seen: null,
    answer: null,
    attention: null,
    attempts: 0,
    ...more,
  }
}

const queue = fc
  .array(
    fc.record({
      stream: fc.constantFrom('order/1', 'order/2', 'order/3'),
      state: fc.constantFrom(
        'new' as const,
        'new' as const,
        'new' as const,
        'accepted' as const,
        'refused' as const,
        'aside' as const,
      ),
    }),
    { maxLength: 40 },
  )
  .map((all) =>
    chained(
      all.map(({ stream, state }, seq) =>
        pending(seq, stream, state === 'aside' ? { attention: `a${seq}` } : state === 'new' ? {} : { answer: state }),
      ),
    ),
  )

/** Each names the one before it in its stream, as commands do that were decided here. */
function chained(commands: readonly PendingRecord[]): PendingRecord[] {
  return commands.map((command, at) => {
    const before = commands.slice(0, at).findLast(({ stream }) => stream === command.stream)
    return { ...command, base: { version: 1, after: before?.id ?? null } }
  })
}

describe('what is sent next', () => {
  test('holds no command that could pass one before it in the same push: it names none to wait for', () => {
    const [first, second] = chained([pending(1, 'order/1'), pending(2, 'order/1')]) as [PendingRecord, PendingRecord]
    const queued = pending(3, 'order/1', { base: null, prediction: { kind: 'queued' } })
    const other = pending(4, 'order/2', { base: null })
    const plan = (commands: readonly PendingRecord[]) => planPush(commands, NOTHING_SENDING, 0, LIMITS)
    expect(plan([first, second, queued, other])).toEqual([first, second, other])
    expect(plan([{ ...first, answer: 'accepted' }, { ...second, answer: 'accepted' }, queued])).toEqual([queued])
  })

  test('keeps each stream’s order, never passes what blocks it, and leaves no free stream behind', () => {
    fc.assert(
      fc.property(queue, fc.integer({ min: 1, max: 50 }), (commands, most) => {
        const batch = planPush(commands, NOTHING_SENDING, 0, { ...LIMITS, commands: most })
        expect(batch.length).toBeLessThanOrEqual(most)
        for (const [stream, all] of byStream(commands)) {
          const stop = all.findIndex((each) => each.attention !== null || each.answer === 'refused')
          const free = (stop < 0 ? all : all.slice(0, stop)).filter((each) => each.answer === null)
          const sent = batch.filter((each) => each.stream === stream)
          // A prefix of what may go, in order; all of it where there was room.
          expect(sent).toEqual(free.slice(0, sent.length))
          if (batch.length < most) expect(sent).toEqual(free)
        }
      }),
    )
  })

  test('a batch stays inside the body limit, also with text that UTF-8 makes longer', () => {
    const note = '漢'.repeat(20_000)
    const commands = Array.from({ length: 40 }, (_, seq) => pending(seq, `order/${seq}`, { input: { note } }))
    const batch = planPush(commands, NOTHING_SENDING, 0, LIMITS)
    expect(batch.length).toBeGreaterThan(10)
    expect(new TextEncoder().encode(JSON.stringify(batch.map(toPushed))).length).toBeLessThanOrEqual(
      WIRE_LIMITS.bodyBytes,
    )
  })

  test('a stream the server asked to wait with is passed over until then', () => {
    const commands = [pending(1, 'order/1'), pending(2, 'order/2')]
    const sending = { ...NOTHING_SENDING, holds: new Map([['order/1', { until: 100, reason: 'contention' }]]) }
    expect(planPush(commands, sending, 99, LIMITS).map((each) => each.stream)).toEqual(['order/2'])
    expect(planPush(commands, sending, 100, LIMITS)).toHaveLength(2)
  })

  test('what is sent is the stored command, and nothing else', () => {
    expect(Object.keys(toPushed(pending(1, 'order/1'))).sort()).toEqual([
      'base',
      'id',
      'input',
      'occurredAt',
      'schema',
      'stream',
      'type',
    ])
  })

  test('bytes are counted as UTF-8 counts them', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(utf8Length(text)).toBe(new TextEncoder().encode(text).length)
      }),
    )
  })
})

describe('the cause of a pending command', () => {
  const cause = (
    commands: PendingRecord[],
    connection: Parameters<typeof describePending>[3],
    sending = NOTHING_SENDING,
  ) => describePending(commands, [], sending, connection, 0).map((each) => [each.state, each.cause.kind])

  test('is one of a closed list, in every situation', () => {
    const one = [pending(1, 'order/1'), pending(2, 'order/1')]
    expect(cause(one, 'live')).toEqual([
      ['waiting', 'next'],
      ['waiting', 'behind'],
    ])
    expect(cause(one, 'offline')).toEqual([
      ['waiting', 'offline'],
      ['waiting', 'offline'],
    ])
    expect(cause(one, 'needs-sign-in')[0]).toEqual(['waiting', 'sign-in'])
    expect(cause(one, 'upgrade-required')[0]).toEqual(['waiting', 'upgrade'])
    expect(cause(one, 'storage-trouble')[0]).toEqual(['waiting', 'storage'])
    expect(cause(one, 'server-busy')[0]).toEqual(['waiting', 'server-busy'])
    const flying = { ...NOTHING_SENDING, inFlight: new Set(one.map((each) => each.id)) }
    expect(cause(one, 'live', flying)[1]).toEqual(['sending', 'sending'])
    expect(cause([pending(1, 'order/1', { answer: 'accepted' })], 'live')).toEqual([['answered', 'awaiting-outcome']])
    expect(cause([pending(1, 'order/1', { attention: 'a' }), pending(2, 'order/1')], 'live')).toEqual([
      ['set-aside', 'attention'],
      ['blocked', 'blocked'],
    ])
    const stale: PendingRecord['prediction'] = { kind: 'no-longer-holds', code: 'not_open', params: {} }
    expect(cause([pending(1, 'order/1', { prediction: stale })], 'live')).toEqual([['waiting', 'no-longer-holds']])
  })
})
