/**
 * The part of the event store contract about appends to several streams at once.
 */
import type { AtomicAppendRequest, AtomicPart, EventStore } from '@tidemark/core'
import { describe, expect, test } from 'vitest'
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

export function describeAtomicAppends(store: EventStore): void {
  const ask = (streams: readonly AtomicPart[], part: Partial<AtomicAppendRequest> = {}) =>
    store.appendAtomically({
      tenant: 'acme',
      principal: 'ada',
      device: 'device-1',
      command: null,
      occurredAt: '2026-11-21T10:00:00.000Z',
      streams,
      ...part,
    })
  const check = (stream: string, expected: AtomicPart['expected']): AtomicPart => ({ stream, expected, events: [] })

  describe('atomic appends', () => {
    test('to several streams are all stored, next to each other in the lane, with the command on the last event', async () => {
      const [old, fresh, guard] = [await streamWith(store, 2), newStream(), await streamWith(store, 3)]
      const command = newCommand()
      const [a, b, c] = [newEvent({ n: 1 }), newEvent({ n: 2 }), newEvent({ n: 3 })]
      const streams: AtomicPart[] = [
        { stream: old, expected: 2, events: [a, b] },
        check(guard, 3),
        { stream: fresh, expected: 'no-stream', events: [c] },
      ]
      const lane = await store.laneOf('acme')
      const head = await store.head(lane)
      const answer = await ask(streams, { command })
      expect(answer).toEqual({ kind: 'appended', versions: [4, 3, 1], lane, position: head + 3 })
      const events = await store.readLane({ lane, after: head, limit: 10 })
      expect(events.map(({ id, stream, version, command: by }) => [id, stream, version, by])).toEqual([
        [a.id, old, 3, null],
        [b.id, old, 4, null],
        [c.id, fresh, 1, command.id],
      ])
      expect(new Set(events.map((event) => event.recordedAt)).size).toBe(1)
      const result = { kind: 'accepted', stream: fresh, version: 1, lane, position: head + 3, hash: command.hash }
      expect(await ask(streams, { command })).toEqual({ kind: 'duplicate', result })
      expect(await store.append(newAppend({ command }))).toEqual({ kind: 'duplicate', result })
      expect(await ask(streams, { command: { id: command.id, hash: 'b'.repeat(32) } })).toEqual({
        kind: 'command-reused',
      })
      expect(await store.head(lane)).toBe(head + 3)
    })

    test('are not stored at all where one stream is elsewhere, and the first of those is told', async () => {
      const [first, second, third] = [await streamWith(store, 1), await streamWith(store, 2), newStream()]
      const command = newCommand()
      const events = [newEvent()]
      for (const expected of [1, 3, 'no-stream'] as const) {
        const answer = await ask(
          [
            { stream: first, expected: 1, events },
            { stream: second, expected, events },
            { stream: third, expected: 'stream-exists', events },
          ],
          { command },
        )
        expect(answer).toEqual({ kind: 'conflict', stream: second, current: 2 })
      }
      expect(await ask([{ stream: first, expected: 1, after: newId(), events }])).toEqual({
        kind: 'conflict',
        stream: first,
        current: 1,
      })
      for (const [stream, version] of [
        [first, 1],
        [second, 2],
        [third, 0],
      ] as const) {
        expect(await versionOf(store, 'acme', stream)).toBe(version)
      }
      expect(await store.results('acme', 'ada', [command.id])).toEqual(new Map())
      expect((await ask([{ stream: first, expected: 1, events }], { command })).kind).toBe('appended')
    })

    test('without any events only check, and write nothing', async () => {
      const [stream, none] = [await streamWith(store, 2), newStream()]
      const lane = await store.laneOf('acme')
      const head = await store.head(lane)
      const command = newCommand()
      for (const expected of [2, 'any', 'stream-exists'] as const) {
        const answer = await ask([check(stream, expected), check(none, 'no-stream')], { command })
        expect(answer).toEqual({ kind: 'checked', versions: [2, 0] })
      }
      expect(await ask([check(stream, 1)])).toEqual({ kind: 'conflict', stream, current: 2 })
      expect(await ask([check(none, 'stream-exists')])).toEqual({ kind: 'conflict', stream: none, current: 0 })
      expect(await store.head(lane)).toBe(head)
      expect(await store.results('acme', 'ada', [command.id])).toEqual(new Map())
    })

    test('a check guards what is stored beside it: of two that rule each other out, one is stored', async () => {
      for (let round = 0; round < 5; round++) {
        const [a, b] = [newStream(), newStream()]
        const answers = await Promise.all([
          ask([check(a, 'no-stream'), { stream: b, expected: 'no-stream', events: [newEvent()] }]),
          store.append(newAppend({ stream: b, expected: 0 })),
          ask([check(b, 'no-stream'), { stream: a, expected: 'no-stream', events: [newEvent()] }]),
        ])
        expect(answers.filter((answer) => answer.kind === 'appended')).toHaveLength(1)
        expect((await versionOf(store, 'acme', a)) + (await versionOf(store, 'acme', b))).toBe(1)
      }
    })

    test('the same command many times at once has one effect, and a refused one stays refused', async () => {
      const [stream, command] = [newStream(), newCommand()]
      const streams = [{ stream, expected: 'any' as const, events: [newEvent()] }]
      const answers = await Promise.all(Array.from({ length: 5 }, () => ask(streams, { command })))
      expect(answers.map((answer) => answer.kind).sort()).toEqual(['appended', ...Array(4).fill('duplicate')])
      const refused = newCommand()
      await store.settle(newSettle({ command: refused }))
      expect(await ask(streams, { command: refused })).toMatchObject({ kind: 'duplicate', result: { kind: 'refused' } })
      expect(await versionOf(store, 'acme', stream)).toBe(1)
    })

    test('another tenant’s stream of the same name is another stream', async () => {
      const stream = await streamWith(store, 1)
      const streams = [{ stream, expected: 'no-stream' as const, events: [newEvent()] }]
      expect(await ask(streams, { tenant: 'globex' })).toMatchObject({ kind: 'appended', versions: [1] })
      expect(await versionOf(store, 'acme', stream)).toBe(1)
    })

    const stream = newStream()
    const bad: readonly (readonly [string, readonly AtomicPart[], Partial<AtomicAppendRequest>, string])[] = [
      ['no streams', [], {}, '/streams'],
      ['too many streams', Array.from({ length: 101 }, () => check(newStream(), 'any')), {}, '/streams'],
      [
        'too many events in all',
        [1, 2].map(() => ({
          stream: newStream(),
          expected: 'any',
          events: Array.from({ length: 501 }, () => newEvent()),
        })),
        {},
        '/streams',
      ],
      ['a stream twice', [check(stream, 0), check(stream, 0)], {}, '/streams/1/stream'],
      ['a stream without a name', [check(stream, 0), check('', 0)], {}, '/streams/1/stream'],
      ['a negative version', [check(stream, -1)], {}, '/streams/0/expected'],
      ['an expectation that is none', [check(stream, 'empty' as never)], {}, '/streams/0/expected'],
      ['an event to follow that is no uuid', [{ ...check(stream, 'any'), after: 'x' }], {}, '/streams/0/after'],
      [
        'data that cannot be stored',
        [{ stream, expected: 0, events: [newEvent('\u0000')] }],
        {},
        '/streams/0/events/0/data',
      ],
      ['an empty tenant', [check(stream, 0)], { tenant: '' }, '/tenant'],
      [
        'a command id that is no uuid',
        [check(stream, 0)],
        { command: { id: 'x', hash: 'a'.repeat(32) } },
        '/command/id',
      ],
    ]
    test.each(bad)('%s: invalid, and nothing is stored', async (_, streams, part, path) => {
      const good = { stream: newStream(), expected: 'any' as const, events: [newEvent()] }
      const answer = await ask(streams.length > 0 && streams.length < 100 ? [...streams, good] : streams, part)
      expect(answer).toMatchObject({ kind: 'invalid', issues: [{ path }] })
      expect(await versionOf(store, 'acme', good.stream)).toBe(0)
    })
  })
}
