/**
 * The part of the event store contract about writing: versions and command ids.
 */
import type { AppendAnswer, AppendRequest, EventStore, ExpectedVersion } from '@tidemark/core'
import { describe, expect, test } from 'vitest'
import {
  newAppend,
  newCommand,
  newEvent,
  newId,
  newSettle,
  newStream,
  streamWith,
  versionIn,
  versionOf,
} from './event-requests.ts'

export function describeExpectedVersions(store: EventStore): void {
  describe('expected versions', () => {
    const cases: readonly (readonly [ExpectedVersion, number, AppendAnswer['kind']])[] = [
      [0, 0, 'appended'],
      [0, 2, 'conflict'],
      ['no-stream', 0, 'appended'],
      ['no-stream', 2, 'conflict'],
      [1, 0, 'conflict'],
      [1, 2, 'conflict'],
      [2, 2, 'appended'],
      [3, 2, 'conflict'],
      ['any', 0, 'appended'],
      ['any', 2, 'appended'],
      ['stream-exists', 0, 'conflict'],
      ['stream-exists', 2, 'appended'],
      [-1, 0, 'invalid'],
      [-2, 2, 'invalid'],
      [1.5, 2, 'invalid'],
      [Number.NaN, 0, 'invalid'],
    ]
    test.each(cases)('expecting %s on a stream at version %s is answered %s', async (expected, count, kind) => {
      const stream = await streamWith(store, count)
      const answer = await store.append(newAppend({ stream, expected }))
      expect(answer.kind).toBe(kind)
      if (answer.kind === 'appended') expect(answer.version).toBe(count + 1)
      if (answer.kind === 'conflict') expect(answer.current).toBe(count)
      expect(await versionOf(store, 'acme', stream)).toBe(count + (kind === 'appended' ? 1 : 0))
    })

    test.each(cases)('the same beside others in one batch: %s at %s is %s', async (expected, count, kind) => {
      const stream = await streamWith(store, count)
      const others = Array.from({ length: 5 }, () => store.append(newAppend({ expected: 0 })))
      const answer = await store.append(newAppend({ stream, expected }))
      expect(answer.kind).toBe(kind)
      for (const other of await Promise.all(others)) expect(other).toMatchObject({ kind: 'appended', version: 1 })
      expect(await versionOf(store, 'acme', stream)).toBe(count + (kind === 'appended' ? 1 : 0))
    })
  })
}

export function describeIdempotency(store: EventStore): void {
  describe('idempotency (I3)', () => {
    test.each<ExpectedVersion>([0, 1, 2, 7, 'any', 'stream-exists'])(
      'a command asked again expecting %s gets its first result and writes nothing',
      async (expected) => {
        const stream = newStream()
        const command = newCommand()
        const events = [newEvent({ n: 1 }), newEvent({ n: 2 })]
        const first = await store.append(newAppend({ stream, command, expected: 0, events }))
        if (first.kind !== 'appended') throw new Error(`not appended: ${first.kind}`)
        await store.append(newAppend({ stream }))
        const again = await store.append(newAppend({ stream, command, expected }))
        const { version, lane, position } = first
        const result = { kind: 'accepted', stream, version, lane, position, hash: command.hash }
        expect(again).toEqual({ kind: 'duplicate', result })
        expect(await versionOf(store, 'acme', stream)).toBe(3)
      },
    )

    test('a known command id with another body is command-reused, on append and on settle', async () => {
      const command = newCommand()
      const other = { id: command.id, hash: 'b'.repeat(32) }
      await store.append(newAppend({ command }))
      expect(await store.append(newAppend({ command: other }))).toEqual({ kind: 'command-reused' })
      expect(await store.settle(newSettle({ command: other }))).toEqual({ kind: 'command-reused' })
    })

    test('a command id is the principal’s own: another principal or tenant may use the same', async () => {
      const command = newCommand()
      const answers = [
        await store.append(newAppend({ command })),
        await store.append(newAppend({ command, principal: 'bob' })),
        await store.append(newAppend({ command, tenant: 'globex' })),
      ]
      expect(answers.map((answer) => answer.kind)).toEqual(['appended', 'appended', 'appended'])
    })

    test('the same command many times at once has one effect', async () => {
      const stream = newStream()
      const command = newCommand()
      const requests = Array.from({ length: 20 }, () => newAppend({ stream, command, expected: 0 }))
      const answers = await Promise.all(requests.map((request) => store.append(request)))
      const kinds = answers.map((answer) => answer.kind).sort()
      expect(kinds).toEqual(['appended', ...Array.from({ length: 19 }, () => 'duplicate')])
      expect(await versionOf(store, 'acme', stream)).toBe(1)
    })

    test('at once with two bodies, one body wins and the other is command-reused', async () => {
      const id = newId()
      const ask = (digit: string) => store.append(newAppend({ command: { id, hash: digit.repeat(32) } }))
      const answers = await Promise.all([ask('1'), ask('2'), ask('1'), ask('2')])
      const kinds = answers.map((answer) => answer.kind).sort()
      expect(kinds).toEqual(['appended', 'command-reused', 'command-reused', 'duplicate'])
    })

    test('a conflict leaves no result: the same command may be tried again, also at the same moment', async () => {
      const stream = await streamWith(store, 1)
      const command = newCommand()
      expect(await store.append(newAppend({ stream, command, expected: 0 }))).toEqual({
        kind: 'conflict',
        current: 1,
      })
      const [stale, fresh] = await Promise.all([
        store.append(newAppend({ stream, command, expected: 0 })),
        store.append(newAppend({ stream, command, expected: 1 })),
      ])
      expect(stale).toEqual({ kind: 'conflict', current: 1 })
      expect(fresh).toMatchObject({ kind: 'appended', version: 2 })
    })

    test('a refused command stays refused, also when it is asked as an append', async () => {
      const command = newCommand()
      const stream = newStream()
      const first = await store.settle(newSettle({ command, stream }))
      if (first.kind !== 'settled') throw new Error(`not settled: ${first.kind}`)
      const { lane, position } = first
      const refused = { kind: 'refused', stream, code: 'already_shipped', params: { by: 'bob' }, lane, position }
      const expected = { kind: 'duplicate', result: { ...refused, hash: command.hash } }
      expect(await store.settle(newSettle({ command, stream }))).toEqual(expected)
      expect(await store.append(newAppend({ command, stream }))).toEqual(expected)
      const answers = await Promise.all([
        store.append(newAppend({ command, stream })),
        store.append(newAppend()),
        store.append(newAppend({ stream, expected: 0 })),
      ])
      expect(answers.map((answer) => answer.kind)).toEqual(['duplicate', 'appended', 'appended'])
      expect(answers[0]).toEqual(expected)
    })

    test('known commands beside new ones in one batch: each gets its own answer', async () => {
      const [known, reused] = [newCommand(), newCommand()]
      const stream = newStream()
      await store.append(newAppend({ command: known, stream }))
      await store.append(newAppend({ command: reused }))
      const answers = await Promise.all([
        store.append(newAppend()),
        store.append(newAppend({ command: known, stream, expected: 0 })),
        store.append(newAppend({ stream, expected: 1, events: [newEvent(), newEvent()] })),
        store.append(newAppend({ command: { id: reused.id, hash: 'b'.repeat(32) } })),
        store.append(newAppend({ stream, expected: 3 })),
        store.append(newAppend({ command: known })),
        store.append(newAppend({ events: [newEvent(), newEvent()] })),
      ])
      expect(answers.map((answer) => [answer.kind, versionIn(answer)])).toEqual([
        ['appended', 1],
        ['duplicate', undefined],
        ['appended', 3],
        ['command-reused', undefined],
        ['appended', 4],
        ['duplicate', undefined],
        ['appended', 2],
      ])
      const positions = answers.flatMap((answer) => (answer.kind === 'appended' ? [answer.position] : []))
      const events = await store.readLane({
        lane: await store.laneOf('acme'),
        after: Math.min(...positions) - 1,
        limit: 10,
      })
      expect(events.map((event) => event.position)).toEqual(
        Array.from({ length: 6 }, (_, index) => Math.min(...positions) + index),
      )
      for (const position of positions) expect(events.map((event) => event.position)).toContain(position)
    })

    test.each<'accepted' | 'refused'>(['accepted', 'refused'])(
      'what follows a known %s command in a run of appends leaves no gap (I1)',
      async (kind) => {
        const stream = newStream()
        const known = newCommand()
        await store.append(newAppend({ stream, command: kind === 'accepted' ? known : null }))
        if (kind === 'refused') await store.settle(newSettle({ stream, command: known }))
        // Both runs fit the stream's version; only the command id tells that their first appends must not be stored.
        const ask = (run: readonly AppendRequest[]) => Promise.all(run.map((request) => store.append(request)))
        const checked = await ask([
          newAppend({ stream, command: known, expected: 1 }),
          newAppend({ stream, expected: 2 }),
          newAppend(),
        ])
        expect(checked.map((answer) => [answer.kind, versionIn(answer)])).toEqual([
          ['duplicate', undefined],
          ['conflict', 1],
          ['appended', 1],
        ])
        const unchecked = await ask([newAppend({ stream, command: known }), newAppend({ stream }), newAppend()])
        expect(unchecked.map((answer) => [answer.kind, versionIn(answer)])).toEqual([
          ['duplicate', undefined],
          ['appended', 2],
          ['appended', 1],
        ])
        const [events] = await store.readStreams([{ tenant: 'acme', stream, after: 0 }])
        expect(events?.map((event) => event.version)).toEqual([1, 2])
      },
    )

    test('an acceptance without events is a result at its version and at the head of the lane', async () => {
      const command = newCommand()
      const stream = await streamWith(store, 2)
      const lane = await store.laneOf('acme')
      const head = await store.head(lane)
      const settle = newSettle({ command, stream, outcome: { kind: 'nothing', version: 2 } })
      expect(await store.settle(settle)).toEqual({ kind: 'settled', lane, position: head })
      const result = { kind: 'accepted', stream, version: 2, lane, position: head, hash: command.hash }
      expect(await store.settle(settle)).toEqual({ kind: 'duplicate', result })
      expect(await store.results('acme', 'ada', [command.id])).toEqual(new Map([[command.id, result]]))
      expect(await store.head(lane)).toBe(head)
    })

    test('an accepted command cannot be refused afterwards', async () => {
      const command = newCommand()
      await store.append(newAppend({ command }))
      const answer = await store.settle(newSettle({ command }))
      expect(answer).toMatchObject({ kind: 'duplicate', result: { kind: 'accepted', version: 1 } })
    })

    test('a command settled and appended at once has one effect', async () => {
      const command = newCommand()
      const stream = newStream()
      const [settled, appended] = await Promise.all([
        store.settle(newSettle({ command, stream })),
        store.append(newAppend({ command, stream })),
      ])
      const kinds = [settled.kind, appended.kind]
      expect([
        ['settled', 'duplicate'],
        ['duplicate', 'appended'],
      ]).toContainEqual(kinds)
      expect(await versionOf(store, 'acme', stream)).toBe(appended.kind === 'appended' ? 1 : 0)
    })

    test('results finds accepted and refused commands and leaves out unknown and foreign ones', async () => {
      const accepted = newCommand()
      const refused = newCommand()
      const foreign = newCommand()
      await store.append(newAppend({ command: accepted }))
      await store.settle(newSettle({ command: refused }))
      await store.append(newAppend({ command: foreign, principal: 'bob' }))
      const asked = [accepted.id, refused.id, foreign.id, newId(), 'no uuid']
      const results = await store.results('acme', 'ada', asked)
      expect(results.get(accepted.id)).toMatchObject({ kind: 'accepted', version: 1 })
      expect(results.get(refused.id)).toMatchObject({ kind: 'refused', code: 'already_shipped' })
      expect(results.size).toBe(2)
      expect(await store.results('globex', 'ada', asked)).toEqual(new Map())
    })
  })
}
