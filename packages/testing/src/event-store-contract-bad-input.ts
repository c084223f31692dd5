/**
 * The part of the event store contract about input that cannot be stored.
 */
import type { AppendRequest, EventStore, NewEvent, SettleRequest } from '@tidemark/core'
import { describe, expect, test } from 'vitest'
import { newAppend, newCommand, newEvent, newId, newSettle } from './event-requests.ts'

export function describeBadInput(store: EventStore): void {
  describe('bad input', () => {
    const bad: readonly (readonly [string, Partial<AppendRequest>, string])[] = [
      ['a NUL character in data', { events: [newEvent({ a: ['x\u0000'] })] }, '/events/0/data/a/0'],
      ['a lone surrogate in data', { events: [newEvent({ a: '\ud800' })] }, '/events/0/data/a'],
      ['a number that is not finite', { events: [newEvent(Number.POSITIVE_INFINITY)] }, '/events/0/data'],
      ['data of depth 10,000', { events: [newEvent(deep(10_000))] }, `/events/0/data${'/0'.repeat(64)}`],
      ['too many events', { events: Array.from({ length: 1_001 }, () => newEvent()) }, '/events'],
      ['an event id that is no uuid', { events: [{ ...newEvent(), id: 'x' }] }, '/events/0/id'],
      ['a schema version of 0', { events: [{ ...newEvent(), schema: 0 }] }, '/events/0/schema'],
      ['a newline in the type', { events: [newEvent({}, 'order\nplaced')] }, '/events/0/type'],
      ['a newline in the stream', { stream: 'order/1\norder/2' }, '/stream'],
      ['an empty stream', { stream: '' }, '/stream'],
      ['a stream of 10,000 characters', { stream: 'x'.repeat(10_000) }, '/stream'],
      ['a NUL character in the principal', { principal: 'a\u0000' }, '/principal'],
      ['a lone surrogate in the device', { device: '\udc00' }, '/device'],
      ['an empty tenant', { tenant: '' }, '/tenant'],
      ['a command id that is no uuid', { command: { id: "'; drop", hash: 'a'.repeat(32) } }, '/command/id'],
      ['a command hash of another form', { command: { id: newId(), hash: 'xyz' } }, '/command/hash'],
      ['an event to follow that is no uuid', { after: 'x' }, '/after'],
      ['a time that is none', { occurredAt: 'yesterday' }, '/occurredAt'],
    ]
    test.each(bad)('%s is invalid, is not stored, and harms no neighbour', async (_, part, path) => {
      const lane = await store.laneOf('acme')
      const head = await store.head(lane)
      const [before, answer, after] = await Promise.all([
        store.append(newAppend()),
        store.append(newAppend(part)),
        store.append(newAppend()),
      ])
      expect(answer).toMatchObject({ kind: 'invalid', issues: [{ path }] })
      expect([before.kind, after.kind]).toEqual(['appended', 'appended'])
      expect(await store.head(lane)).toBe(head + 2)
    })

    test('a refusal that cannot be stored is invalid and leaves no result', async () => {
      const command = newCommand()
      const outcomes: readonly SettleRequest['outcome'][] = [
        { kind: 'refused', code: '', params: {} },
        { kind: 'refused', code: 'x', params: { a: '\u0000' } },
        { kind: 'nothing', version: -1 },
      ]
      for (const outcome of outcomes) {
        expect((await store.settle(newSettle({ command, outcome }))).kind).toBe('invalid')
      }
      expect(await store.results('acme', 'ada', [command.id])).toEqual(new Map())
    })
  })
}

function deep(depth: number): NewEvent['data'] {
  let value: NewEvent['data'] = []
  for (let level = 1; level < depth; level++) value = [value]
  return value
}
