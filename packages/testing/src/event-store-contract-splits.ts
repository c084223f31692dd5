/**
 * The part of the event store contract about streams that were split: they end, and go on as others.
 */
import { PREDECESSOR, successorIn, type EventStore, type SplitRequest } from '@tidemark/core'
import { describe, expect, test } from 'vitest'
import { newMember, newMergedAppend } from './event-store-contract-hot.ts'
import { newAppend, newCommand, newEvent, newStream, streamWith, versionOf } from './event-requests.ts'

export function describeSplits(store: EventStore): void {
  const newSplit = (part: Partial<SplitRequest> = {}): SplitRequest => ({
    tenant: 'acme',
    stream: newStream(),
    expected: 3,
    successor: newStream(),
    principal: 'ada',
    device: null,
    command: newCommand(),
    occurredAt: '2026-11-21T10:00:00.000Z',
    close: newEvent({ n: 'closed' }, 'order.closed'),
    open: [newEvent({ n: 'carried' }, 'order.opened')],
    ...part,
  })
  /** A stream of three events, and its split. */
  const newClosed = async (): Promise<SplitRequest> => {
    const request = newSplit({ stream: await streamWith(store, 3) })
    expect(await store.splitStream(request)).toMatchObject({ kind: 'split' })
    return request
  }

  describe('splits', () => {
    test('a split ends the stream with a link, and opens its successor with what is carried forward', async () => {
      const open = [newEvent({ n: 1 }, 'order.opened'), newEvent({ n: 2 }, 'order.noted')]
      const request = newSplit({ stream: await streamWith(store, 3), open })
      const lane = await store.laneOf('acme')
      const head = await store.head(lane)
      expect(await store.splitStream(request)).toEqual({ kind: 'split', version: 2, lane, position: head + 3 })
      const [last, first, second, ...none] = await store.readLane({ lane, after: head, limit: 10 })
      expect(last).toMatchObject({ stream: request.stream, version: 4, command: request.command.id })
      expect(last && successorIn(last)).toBe(request.successor)
      expect(first).toMatchObject({ stream: request.successor, version: 1, data: { n: 1 }, command: null })
      expect(second).toMatchObject({ stream: request.successor, version: 2, data: { n: 2 } })
      for (const event of [first, second]) expect(event?.metadata).toEqual({ [PREDECESSOR]: request.stream })
      expect(none).toEqual([])
    })

    test('whatever fits a closed stream is told where it goes on, alone and in a batch, and writes nothing', async () => {
      const { stream, successor } = await newClosed()
      const closed = { kind: 'stream-closed', successor }
      for (const expected of ['any', 'stream-exists', 4] as const) {
        expect(await store.append(newAppend({ stream, expected, command: newCommand() }))).toEqual(closed)
        const appends = [newAppend(), newAppend({ stream, expected }), newAppend(), newAppend({ stream, expected })]
        const answers = await Promise.all(appends.map((append) => store.append(append)))
        expect(answers.map((answer) => answer.kind)).toEqual(['appended', 'stream-closed', 'appended', 'stream-closed'])
      }
      expect(await store.appendMerged(newMergedAppend({ stream, members: [newMember()] }))).toEqual(closed)
      expect(await versionOf(store, 'acme', stream)).toBe(4)
      expect(await store.append(newAppend({ stream: successor, expected: 1 }))).toMatchObject({ version: 2 })
    })

    test('what does not fit a closed stream is a conflict, and a check of it is still a check', async () => {
      const { stream } = await newClosed()
      expect(await store.append(newAppend({ stream, expected: 3 }))).toEqual({ kind: 'conflict', current: 4 })
      expect(await store.append(newAppend({ stream, expected: 4, events: [] }))).toEqual({
        kind: 'checked',
        version: 4,
      })
    })

    test('an atomic append that writes to a closed stream is not stored at all; one that only checks it is', async () => {
      const { stream, successor } = await newClosed()
      const other = newStream()
      const ask = (events: readonly ReturnType<typeof newEvent>[]) =>
        store.appendAtomically({
          ...{ tenant: 'acme', principal: 'ada', device: null, command: newCommand() },
          occurredAt: '2026-11-21T10:00:00.000Z',
          streams: [
            { stream: other, expected: 'any', events: [newEvent()] },
            { stream, expected: 4, events },
          ],
        })
      expect(await ask([newEvent()])).toEqual({ kind: 'stream-closed', stream, successor })
      expect(await versionOf(store, 'acme', other)).toBe(0)
      expect(await ask([])).toMatchObject({ kind: 'appended', versions: [1, 4] })
    })

    test('a command that the stream took before it was closed keeps its result', async () => {
      const known = newAppend({ stream: await streamWith(store, 2), expected: 2, command: newCommand() })
      await store.append(known)
      await store.splitStream(newSplit({ stream: known.stream }))
      expect(await store.append(known)).toMatchObject({
        kind: 'duplicate',
        result: { stream: known.stream, version: 3 },
      })
    })

    test('asked twice it happens once; with another body it is refused; another one finds the stream closed', async () => {
      const request = await newClosed()
      const { stream, successor, command } = request
      expect(await store.splitStream(request)).toMatchObject({ kind: 'duplicate', result: { stream, version: 4 } })
      const other = { id: command.id, hash: 'b'.repeat(32) }
      expect(await store.splitStream({ ...request, command: other })).toEqual({ kind: 'command-reused' })
      expect(await store.splitStream(newSplit({ stream, expected: 4 }))).toEqual({ kind: 'stream-closed', successor })
    })

    test('one that was decided on another version, or into a stream with events, writes nothing', async () => {
      const [stream, taken] = [await streamWith(store, 3), await streamWith(store, 1)]
      expect(await store.splitStream(newSplit({ stream, expected: 2 }))).toEqual({ kind: 'conflict', current: 3 })
      expect(await store.splitStream(newSplit({ stream, successor: taken }))).toEqual({ kind: 'successor-exists' })
      expect([await versionOf(store, 'acme', stream), await versionOf(store, 'acme', taken)]).toEqual([3, 1])
      // Another tenant's stream of the same name is another stream, and is not told of.
      const foreign = newStream()
      await store.append(newAppend({ tenant: 'globex', stream: foreign }))
      expect(await store.splitStream(newSplit({ stream, successor: foreign }))).toMatchObject({ kind: 'split' })
    })

    const bad: readonly (readonly [string, Partial<SplitRequest>, string])[] = [
      ['nothing carried forward', { open: [] }, '/open'],
      ['no successor', { successor: '' }, '/successor'],
      ['itself as successor', { stream: 'order/1', successor: 'order/1' }, '/successor'],
      ['a negative version', { expected: -1 }, '/expected'],
      ['any version', { expected: 'any' as never }, '/expected'],
      ['a closing event that is none', { close: null as never }, '/close'],
      ['metadata that is none', { close: { ...newEvent(), metadata: [] as never } }, '/close/metadata'],
      ['data that cannot be stored', { open: [newEvent('\u0000')] }, '/open/0/data'],
      ['a later event of schema 0', { open: [newEvent(), { ...newEvent(), schema: 0 }] }, '/open/1/schema'],
    ]
    test.each(bad)('%s: invalid, and the stream stays open', async (_, part, path) => {
      const stream = await streamWith(store, 3)
      expect(await store.splitStream(newSplit({ stream, ...part }))).toMatchObject({
        kind: 'invalid',
        issues: [{ path }],
      })
      expect(await store.append(newAppend({ stream, expected: 3 }))).toMatchObject({ kind: 'appended' })
    })

    test('of a split and appends at once each append is before the stream’s end, or nowhere', async () => {
      const stream = await streamWith(store, 3)
      const append = () => store.append(newAppend({ stream }))
      const appends = Array.from({ length: 30 }, append)
      const splitting = (async () => {
        for (;;) {
          const answer = await store.splitStream(newSplit({ stream, expected: await versionOf(store, 'acme', stream) }))
          if (answer.kind !== 'conflict') return answer
        }
      })()
      for (let more = 0; more < 30; more++) appends.push(append())
      const answers = await Promise.all(appends)
      expect(await splitting).toMatchObject({ kind: 'split' })
      for (const { kind } of answers) expect(['appended', 'stream-closed']).toContain(kind)
      const [events = []] = await store.readStreams([{ tenant: 'acme', stream, after: 0 }])
      expect(events.filter(successorIn).map((event) => event.version)).toEqual([events.length])
      expect(events).toHaveLength(4 + answers.filter((answer) => answer.kind === 'appended').length)
    })
  })
}
