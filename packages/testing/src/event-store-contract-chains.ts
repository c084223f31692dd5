/**
 * The part of the event store contract about appends that follow a named event, so that many of one stream can be under
 * way at once.
 */
import type { AppendAnswer, AppendRequest, EventStore, ExpectedVersion } from '@tidemark/core'
import { describe, expect, test } from 'vitest'
import { newAppend, newCommand, newEvent, newId, newSettle, newStream, versionIn, versionOf } from './event-requests.ts'

export function describeChains(store: EventStore): void {
  /** Sent back to back, answered together. */
  const ask = (requests: readonly AppendRequest[]): Promise<AppendAnswer[]> =>
    Promise.all(requests.map((request) => store.append(request)))
  const told = (answers: readonly AppendAnswer[]) => answers.map((answer) => [answer.kind, versionIn(answer)])

  describe('appends that follow a named event', () => {
    test.each<ExpectedVersion>([1, 'any', 'stream-exists'])(
      'expecting %s, one is stored behind that event, and behind no other',
      async (expected) => {
        const stream = newStream()
        const first = newAppend({ stream, expected: 0 })
        await store.append(first)
        const after = lastId(first)
        expect(await store.append(newAppend({ stream, expected, after: newId() }))).toEqual({
          kind: 'conflict',
          current: 1,
        })
        const [beside, wrong] = await ask([newAppend(), newAppend({ stream, expected, after: newId() })])
        expect([beside?.kind, wrong]).toEqual(['appended', { kind: 'conflict', current: 1 }])
        expect(await store.append(newAppend({ stream, expected, after }))).toMatchObject({ version: 2 })
        expect(await store.append(newAppend({ stream, expected: 'any', after }))).toEqual({
          kind: 'conflict',
          current: 2,
        })
        expect(await versionOf(store, 'acme', stream)).toBe(2)
      },
    )

    test('behind the right event a wrong version is still a conflict', async () => {
      const stream = newStream()
      const first = newAppend({ stream, expected: 0 })
      await store.append(first)
      for (const expected of [0, 2]) {
        const answer = await store.append(newAppend({ stream, expected, after: lastId(first) }))
        expect(answer).toEqual({ kind: 'conflict', current: 1 })
      }
    })

    test('an empty stream ends with no event', async () => {
      expect(await store.append(newAppend({ after: newId() }))).toEqual({ kind: 'conflict', current: 0 })
      const [alone] = await ask([newAppend({ expected: 0, after: newId() }), newAppend()])
      expect(alone).toEqual({ kind: 'conflict', current: 0 })
    })

    test('a chain sent back to back is stored in order, beside other streams, and can be gone on with', async () => {
      const stream = newStream()
      const chain = chainOf(stream, 0, [1, 2, 1, 3])
      const answers = await ask([newAppend(), ...chain, newAppend()])
      expect(told(answers.slice(1, -1))).toEqual([
        ['appended', 1],
        ['appended', 3],
        ['appended', 4],
        ['appended', 7],
      ])
      const more = await ask([...chainOf(stream, 7, [1, 1], lastId(chain.at(-1))), newAppend()])
      expect(told(more.slice(0, 2))).toEqual([
        ['appended', 8],
        ['appended', 9],
      ])
      const [events] = await store.readStreams([{ tenant: 'acme', stream, after: 0 }])
      const ids = chain.flatMap((request) => request.events.map((event) => event.id))
      expect(events?.slice(0, 7).map((event) => event.id)).toEqual(ids)
    })

    test('where somebody else took the version of the first, none of the chain is stored, although the rest would fit', async () => {
      const stream = newStream()
      const ground = newAppend({ stream, expected: 0 })
      await store.append(ground)
      const chain = chainOf(stream, 1, [1, 1, 1], lastId(ground))
      await store.append(newAppend({ stream, expected: 1 }))
      const conflicts = chain.map(() => ['conflict', 2])
      expect(told(await ask(chain))).toEqual(conflicts)
      const [first, ...rest] = chain as [AppendRequest, ...AppendRequest[]]
      expect(told(await ask([...rest, newAppend()]))).toEqual([...conflicts.slice(1), ['appended', 1]])
      // One by one, as two calls would send them.
      for (const request of [first, ...rest]) {
        expect(await store.append(request)).toEqual({ kind: 'conflict', current: 2 })
      }
    })

    test('a chain that is broken in itself is stored up to the break', async () => {
      const stream = newStream()
      const [a, b, c] = chainOf(stream, 0, [1, 1, 1])
      const answers = await ask([a, { ...b, after: newId() }, c, newAppend()] as AppendRequest[])
      expect(told(answers)).toEqual([
        ['appended', 1],
        ['conflict', 1],
        ['conflict', 1],
        ['appended', 1],
      ])
      expect(await versionOf(store, 'acme', stream)).toBe(1)
    })

    test.each(['in one call', 'in two'])(
      'behind a known command whose events are there already, a new one is stored: %s',
      async (calls) => {
        const stream = newStream()
        const [a, b] = chainOf(stream, 0, [2, 1]) as [AppendRequest, AppendRequest]
        await store.append(a)
        const [again, next] =
          calls === 'in one call' ? await ask([a, b]) : [await store.append(a), await store.append(b)]
        expect(again).toMatchObject({ kind: 'duplicate', result: { version: 2 } })
        expect(next).toMatchObject({ kind: 'appended', version: 3 })
        expect(told(await ask([a, b, newAppend()]))).toEqual([
          ['duplicate', undefined],
          ['duplicate', undefined],
          ['appended', 1],
        ])
        expect(await versionOf(store, 'acme', stream)).toBe(3)
      },
    )

    test('behind a command that was refused meanwhile nothing of the chain is stored', async () => {
      const stream = newStream()
      const chain = chainOf(stream, 0, [1, 1, 1])
      const refused = chain[0]?.command
      if (refused === undefined || refused === null) throw new Error('the chain has commands')
      await store.settle(newSettle({ stream, command: refused }))
      expect(told(await ask([...chain, newAppend()]))).toEqual([
        ['duplicate', undefined],
        ['conflict', 0],
        ['conflict', 0],
        ['appended', 1],
      ])
    })

    test('a known command is a duplicate whatever event it names', async () => {
      const request = newAppend({ command: newCommand() })
      await store.append(request)
      expect(await store.append({ ...request, after: newId() })).toMatchObject({ kind: 'duplicate' })
    })

    test('an event of the same id in another stream or tenant is not followed', async () => {
      const stream = newStream()
      const first = newAppend({ stream })
      await store.append(first)
      await store.append(newAppend({ stream, tenant: 'globex' }))
      const after = lastId(first)
      expect((await store.append(newAppend({ stream, tenant: 'globex', after }))).kind).toBe('conflict')
      expect((await store.append(newAppend({ after }))).kind).toBe('conflict')
    })

    test('chains of many writers on one stream: each is stored without another’s event inside (I1)', async () => {
      const stream = newStream()
      const heads: string[][] = []
      const writer = async (): Promise<void> => {
        for (let won = 0; won < 5;) {
          const [events = []] = await store.readStreams([{ tenant: 'acme', stream, after: 0 }])
          const chain = chainOf(stream, events.length, [1, 1, 1], events.at(-1)?.id)
          const kinds = new Set((await ask(chain)).map((answer) => answer.kind))
          expect(kinds.size).toBe(1)
          if (!kinds.has('appended')) continue
          heads.push(chain.map(lastId))
          won++
        }
      }
      await Promise.all([writer(), writer(), writer()])
      const [events = []] = await store.readStreams([{ tenant: 'acme', stream, after: 0 }])
      expect(events.map((event) => event.version)).toEqual(Array.from({ length: 45 }, (_, index) => index + 1))
      const ids = events.map((event) => event.id)
      for (const [a, b, c] of heads) {
        const at = ids.indexOf(a as string)
        expect(ids.slice(at, at + 3)).toEqual([a, b, c])
      }
    })
  })
}

/** Appends of a command each, with so many events; each expects and follows what the one before it leads to. */
function chainOf(stream: string, version: number, sizes: readonly number[], head?: string): AppendRequest[] {
  let expected = version
  let after = head
  return sizes.map((size) => {
    const events = Array.from({ length: size }, () => newEvent())
    const follows = after === undefined ? {} : { after }
    const request = newAppend({ stream, expected, command: newCommand(), events, ...follows })
    expected += size
    after = lastId(request)
    return request
  })
}

function lastId(request: AppendRequest | undefined): string {
  const id = request?.events.at(-1)?.id
  if (id === undefined) throw new Error('an append has events')
  return id
}
