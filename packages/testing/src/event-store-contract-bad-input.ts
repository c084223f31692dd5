/**
 * The part of the event store contract about input that cannot be stored.
 */
import type { AppendRequest, EventStore, NewEvent, SettleRequest } from '@tidemark/core'
import { describe, expect, test } from 'vitest'
import { newMember, newMergedAppend } from './event-store-contract-hot.ts'
import {
  newAppend,
  newCommand,
  newEvent,
  newId,
  newSettle,
  newStream,
  streamWith,
  versionOf,
} from './event-requests.ts'

const METADATA = '/events/0/metadata'

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
      ['data longer than 262,144 characters', { events: [newEvent('x'.repeat(262_143))] }, '/events/0/data'],
      [
        'metadata longer than that',
        { events: [{ ...newEvent(), metadata: { a: 'x'.repeat(262_140) } }] },
        `${METADATA}/a`,
      ],
      ['4 MiB in all', { events: Array.from({ length: 21 }, () => newEvent('x'.repeat(200_000))) }, '/events'],
      [
        'a key that reaches prototypes',
        { events: [newEvent(JSON.parse('{"a":{"__proto__":1}}'))] },
        '/events/0/data/a/__proto__',
      ],
      ['a number that is none', { events: [newEvent({ a: Number.NaN })] }, '/events/0/data/a'],
      ['data that holds itself', { events: [newEvent(circle())] }, `/events/0/data${'/0'.repeat(64)}`],
      ['a negative version', { expected: -1 }, '/expected'],
      ['a schema version beyond what is stored', { events: [{ ...newEvent(), schema: 2 ** 31 }] }, '/events/0/schema'],
      ['half a schema version', { events: [{ ...newEvent(), schema: 1.5 }] }, '/events/0/schema'],
      ['a type of 251 characters', { events: [newEvent({}, 'x'.repeat(251))] }, '/events/0/type'],
    ]
    // What a caller without types may hand over.
    const wrong: readonly (readonly [string, { readonly [field in keyof AppendRequest]?: unknown }, string])[] = [
      ['a number as tenant', { tenant: 7 }, '/tenant'],
      ['no stream', { stream: undefined }, '/stream'],
      ['an object as principal', { principal: {} }, '/principal'],
      ['no device', { device: undefined }, '/device'],
      ['a version as text', { expected: '1' }, '/expected'],
      ['an endless version', { expected: Number.POSITIVE_INFINITY }, '/expected'],
      ['nothing as version', { expected: null }, '/expected'],
      ['nothing to follow', { after: null }, '/after'],
      ['a text as command', { command: 'x' }, '/command'],
      ['no command', { command: undefined }, '/command'],
      ['a command hash that is none', { command: { id: newId(), hash: 7 } }, '/command/hash'],
      ['a command id that is none', { command: { id: 7, hash: 'a'.repeat(32) } }, '/command/id'],
      ['a time as number', { occurredAt: 1_700_000_000_000 }, '/occurredAt'],
      ['events that are no list', { events: { length: 1 } }, '/events'],
      ['an event that is none', { events: [null] }, '/events/0'],
      ['an event id that is a number', { events: [{ ...newEvent(), id: 7 }] }, '/events/0/id'],
      ['an event without a type', { events: [{ ...newEvent(), type: undefined }] }, '/events/0/type'],
      ['a schema version as text', { events: [{ ...newEvent(), schema: '1' }] }, '/events/0/schema'],
      ['metadata that is a list', { events: [{ ...newEvent(), metadata: [] }] }, METADATA],
      ['no metadata', { events: [{ ...newEvent(), metadata: null }] }, METADATA],
      ['no data', { events: [{ ...newEvent(), data: undefined }] }, '/events/0/data'],
      ['a date', { events: [{ ...newEvent(), data: { at: new Date(0) } }] }, '/events/0/data/at'],
      ['a map', { events: [{ ...newEvent(), data: new Map() }] }, '/events/0/data'],
      ['a big integer', { events: [{ ...newEvent(), data: [1n] }] }, '/events/0/data/0'],
      ['a function', { events: [{ ...newEvent(), data: () => 1 }] }, '/events/0/data'],
      ['a hole in a list', { events: [{ ...newEvent(), data: [undefined] }] }, '/events/0/data/0'],
    ]
    test.each([...bad, ...(wrong as typeof bad)])(
      '%s is invalid, is not stored, and harms no neighbour',
      async (_, part, path) => {
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
      },
    )

    test('what is just small enough is stored', async () => {
      const events = Array.from({ length: 1_000 }, () => newEvent())
      expect(await store.append(newAppend({ events, stream: 'x'.repeat(250) }))).toMatchObject({ kind: 'appended' })
      // With its quotes the text is as long as a value may be.
      const data = 'x'.repeat(262_142)
      const stream = newStream()
      expect(await store.append(newAppend({ stream, events: [newEvent(data)] }))).toMatchObject({ version: 1 })
      const [read] = await store.readStreams([{ tenant: 'acme', stream, after: 0 }])
      expect(read?.[0]?.data).toBe(data)
    })

    test('a merged append with bad members is invalid and leaves nothing', async () => {
      const stream = newStream()
      const member = newMember()
      const lists: readonly (readonly [unknown, string])[] = [
        [[], '/members'],
        ['x', '/members'],
        [Array.from({ length: 1_001 }, () => newMember()), '/members'],
        [[member, null], '/members/1'],
        [[member, member], '/members/1/command/id'],
        [[{ ...member, command: null }], '/members/0/command'],
        [[{ ...member, device: 7 }], '/members/0/device'],
      ]
      for (const [members, path] of lists) {
        const answer = await store.appendMerged(newMergedAppend({ stream, members: members as never }))
        expect(answer).toMatchObject({ kind: 'invalid', issues: [{ path }] })
      }
      const none = await store.appendMerged(newMergedAppend({ stream, members: [member], events: [] }))
      expect(none).toMatchObject({ kind: 'invalid', issues: [{ path: '/events' }] })
      expect(await versionOf(store, 'acme', stream)).toBe(0)
      expect(await store.results('acme', member.principal, [member.command.id])).toEqual(new Map())
    })

    test('reads of places and numbers that cannot be are brought to the log’s ends', async () => {
      const stream = await streamWith(store, 3)
      const lane = await store.laneOf('acme')
      const head = await store.head(lane)
      const read = async (after: number, limit?: number) => {
        const [events = []] = await store.readStreams([{ tenant: 'acme', stream, after, ...(limit && { limit }) }])
        return events.map((event) => event.version)
      }
      expect([await read(-5), await read(-5, 2), await read(1.5), await read(0, -1)]).toEqual([
        [1, 2, 3],
        [1, 2],
        [2, 3],
        [],
      ])
      const first = await store.readLane({ lane, after: -5, limit: 1 })
      expect(first.map((event) => event.position)).toEqual([1])
      expect(await store.readLane({ lane, after: head - 1, limit: -1 })).toEqual([])
      expect(await store.readLane({ lane, after: head - 1, limit: 0 })).toEqual([])
      expect(await store.readLane({ lane, after: head - 1, limit: 5, upTo: -1 })).toEqual([])
      expect(await store.readLane({ lane: -1, after: 0, limit: 5 })).toEqual([])
      expect(await store.head(-1)).toBe(0)
    })

    test('a tenant that cannot be is an error where its lane is asked for, and holds nothing elsewhere', async () => {
      for (const tenant of ['', 'a\nb', 'x'.repeat(251), 7 as never]) {
        await expect(store.laneOf(tenant)).rejects.toThrow(RangeError)
        expect(await store.readStreams([{ tenant, stream: 'order/1', after: 0 }])).toEqual([[]])
        expect(await store.results(tenant, 'ada', [newId()])).toEqual(new Map())
      }
    })

    test('another tenant’s event is none to append behind, and its stream none to expect (I11)', async () => {
      const event = newEvent()
      const stream = newStream()
      await store.append(newAppend({ stream, events: [event] }))
      const ask = (part: Partial<AppendRequest>) => store.append(newAppend({ tenant: 'globex', stream, ...part }))
      expect(await ask({ after: event.id })).toEqual({ kind: 'conflict', current: 0 })
      for (const expected of [1, 'stream-exists'] as const) {
        expect(await ask({ expected })).toEqual({ kind: 'conflict', current: 0 })
      }
      expect(await ask({ expected: 'no-stream' })).toMatchObject({ kind: 'appended', version: 1 })
    })

    test('a refusal that cannot be stored is invalid and leaves no result', async () => {
      const command = newCommand()
      const outcomes: readonly SettleRequest['outcome'][] = [
        { kind: 'refused', code: '', params: {} },
        { kind: 'refused', code: 'x', params: { a: '\u0000' } },
        { kind: 'refused', code: 'x', params: [] as never },
        { kind: 'nothing', version: -1 },
        { kind: 'nothing' } as never,
        { kind: 'other' } as never,
        null as never,
      ]
      for (const outcome of outcomes) {
        expect((await store.settle(newSettle({ command, outcome }))).kind).toBe('invalid')
      }
      expect(await store.results('acme', 'ada', [command.id])).toEqual(new Map())
    })
  })
}

function circle(): NewEvent['data'] {
  const value: unknown[] = []
  value.push(value)
  return value as NewEvent['data']
}

function deep(depth: number): NewEvent['data'] {
  let value: NewEvent['data'] = []
  for (let level = 1; level < depth; level++) value = [value]
  return value
}
