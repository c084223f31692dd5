/**
 * The part of the event store contract about asking again: KurrentDB's idempotency matrix, where the identity is not the
 * event's but the command's, and the expectations of an append against those of a check.
 */
import type { AppendAnswer, AppendRequest, CommandIdentity, EventStore, ExpectedVersion } from '@tidemark/core'
import { describe, expect, test } from 'vitest'
import { newAppend, newCommand, newEvent, newStream, streamWith, versionOf } from './event-requests.ts'

export function describeAskingAgain(store: EventStore): void {
  /** A stream of as many one-event commands; their requests. */
  const commandsOn = async (stream: string, count: number): Promise<readonly AppendRequest[]> => {
    const requests = Array.from({ length: count }, (_, n) => newAppend({ stream, expected: n, command: newCommand() }))
    for (const request of requests) expect(await store.append(request)).toMatchObject({ kind: 'appended' })
    return requests
  }

  describe('asking again', () => {
    const HELD = 6
    const cases: readonly (readonly [number, number, ExpectedVersion])[] = [
      // Commands on the stream, which of them is asked again, what it expects.
      [HELD, 0, 'no-stream'],
      [HELD, 0, 0],
      [HELD, 0, 'any'],
      [HELD, 0, 'stream-exists'],
      // At the head: an event store that knows events by id appends here. A command has one effect.
      [HELD, 0, HELD],
      [HELD, 0, HELD - 1],
      [HELD, 0, HELD + 1],
      [1, 0, 1],
      [1, 0, 'any'],
      [1, 0, 'no-stream'],
      [3, 1, 'any'],
    ]
    test.each(cases)('on a stream of %i commands, number %i expecting %s gets its first result', async (...of) => {
      const [count, index, expected] = of
      const stream = newStream()
      const requests = await commandsOn(stream, count)
      const again: AppendRequest = { ...(requests[index] as AppendRequest), expected }
      for (const part of [{}, { events: [newEvent('other')] }, { events: [] }]) {
        const answer = await store.append({ ...again, ...part })
        expect(answer).toMatchObject({ kind: 'duplicate', result: { stream, version: index + 1 } })
      }
      // Beside others in one batch.
      const [answer] = await Promise.all([store.append(again), store.append(newAppend()), store.append(newAppend())])
      expect(answer).toMatchObject({ kind: 'duplicate', result: { stream, version: index + 1 } })
      expect(await versionOf(store, 'acme', stream)).toBe(count)
    })

    test('a command of several events asked again with some of them, or with more, is judged by its hash', async () => {
      const [a, b, c] = [newEvent(), newEvent(), newEvent()]
      const stream = newStream()
      const command = newCommand()
      const ask = (events: AppendRequest['events'], expected: ExpectedVersion, as: CommandIdentity = command) =>
        store.append(newAppend({ stream, command: as, expected, events }))
      expect(await ask([a, b], 'no-stream')).toMatchObject({ kind: 'appended', version: 2 })
      for (const [events, expected] of [
        [[a], 'no-stream'],
        [[a], 'any'],
        [[b], 1],
        [[b], 'any'],
        [[a, b], 'no-stream'],
      ] as const) {
        expect(await ask(events, expected)).toMatchObject({ kind: 'duplicate', result: { version: 2 } })
      }
      const longer = { id: command.id, hash: 'b'.repeat(32) }
      expect(await ask([a, b, c], 'no-stream', longer)).toEqual({ kind: 'command-reused' })
      expect(await versionOf(store, 'acme', stream)).toBe(2)
    })

    test('a command asked again on another stream gets its first result, and that stream nothing', async () => {
      const [stream, other] = [newStream(), newStream()]
      const [first] = await commandsOn(stream, 1)
      expect(await store.append({ ...(first as AppendRequest), stream: other })).toMatchObject({
        kind: 'duplicate',
        result: { stream, version: 1 },
      })
      expect(await versionOf(store, 'acme', other)).toBe(0)
    })

    test('without a command nothing is remembered: the same events are stored again, here and elsewhere', async () => {
      const request = newAppend({ expected: 'any' })
      const answers = [
        await store.append(request),
        await store.append(request),
        await store.append({ ...request, stream: newStream() }),
      ]
      expect(answers).toMatchObject([{ version: 1 }, { version: 2 }, { version: 1 }])
    })

    test('what was refused for its version is new when it is asked again, however often', async () => {
      const stream = await streamWith(store, 2)
      const command = newCommand()
      for (const expected of [0, 1, 3, 'no-stream'] as const) {
        expect(await store.append(newAppend({ stream, command, expected }))).toEqual({ kind: 'conflict', current: 2 })
      }
      expect(await store.append(newAppend({ stream, command, expected: 2 }))).toMatchObject({ version: 3 })
    })
  })

  describe('checks: appends without events', () => {
    const held = 2
    const cases: readonly (readonly [ExpectedVersion, number, 'holds' | 'conflict' | 'invalid'])[] = [
      ['any', 0, 'holds'],
      ['any', held, 'holds'],
      ['no-stream', 0, 'holds'],
      ['no-stream', held, 'conflict'],
      ['stream-exists', 0, 'conflict'],
      ['stream-exists', held, 'holds'],
      [0, 0, 'holds'],
      [0, held, 'conflict'],
      [held, held, 'holds'],
      [held - 1, held, 'conflict'],
      [held + 1, held, 'conflict'],
      [-1, held, 'invalid'],
      ['empty' as never, held, 'invalid'],
    ]
    test.each(cases)('expecting %s at version %i: %s, as an append would be, and nothing is written', async (...of) => {
      const [expected, count, outcome] = of
      const stream = await streamWith(store, count)
      const lane = await store.laneOf('acme')
      const head = await store.head(lane)
      const command = newCommand()
      const check = newAppend({ stream, expected, command, events: [] })
      const answers: Readonly<Record<typeof outcome, Partial<AppendAnswer>>> = {
        holds: { kind: 'checked', version: count },
        conflict: { kind: 'conflict', current: count },
        invalid: { kind: 'invalid' },
      }
      for (let time = 0; time < 2; time++) expect(await store.append(check)).toMatchObject(answers[outcome])
      const beside = await Promise.all([store.append(newAppend()), store.append(check), store.append(newAppend())])
      expect(beside).toMatchObject([{ kind: 'appended' }, answers[outcome], { kind: 'appended' }])
      expect(await store.head(lane)).toBe(head + 2)
      expect(await store.results('acme', 'ada', [command.id])).toEqual(new Map())
      const append = await store.append({ ...check, events: [newEvent()] })
      expect(append.kind).toBe(outcome === 'holds' ? 'appended' : outcome)
    })

    test('a check of what the stream ends with', async () => {
      const event = newEvent()
      const stream = newStream()
      await store.append(newAppend({ stream, events: [event] }))
      const check = (after: string) => store.append(newAppend({ stream, expected: 'any', after, events: [] }))
      expect(await check(event.id)).toEqual({ kind: 'checked', version: 1 })
      expect(await check(newEvent().id)).toEqual({ kind: 'conflict', current: 1 })
    })
  })
}
