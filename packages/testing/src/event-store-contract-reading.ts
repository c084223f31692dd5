/**
 * The part of the event store contract about order and reading.
 */
import type { EventStore, ExpectedVersion, StoredEvent } from '@tidemark/core'
import { describe, expect, test } from 'vitest'
import {
  collect,
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

export function describeOrder(store: EventStore): void {
  describe('order', () => {
    test('of many who expect the same version exactly one wins (I1)', async () => {
      const stream = await streamWith(store, 1)
      const answers = await Promise.all(
        Array.from({ length: 64 }, () => store.append(newAppend({ stream, expected: 1, command: newCommand() }))),
      )
      expect(answers.filter((answer) => answer.kind === 'appended')).toHaveLength(1)
      for (const answer of answers)
        if (answer.kind !== 'appended') expect(answer).toEqual({ kind: 'conflict', current: 2 })
      expect(await versionOf(store, 'acme', stream)).toBe(2)
    })

    test('of many who expect any version all win, each at a version of its own (I1)', async () => {
      const stream = newStream()
      const answers = await Promise.all(Array.from({ length: 64 }, () => store.append(newAppend({ stream }))))
      const versions = answers.map((answer) => (answer.kind === 'appended' ? answer.version : answer.kind))
      expect(versions.sort((a, b) => Number(a) - Number(b))).toEqual(
        Array.from({ length: 64 }, (_, index) => index + 1),
      )
      const [events] = await store.readStreams([{ tenant: 'acme', stream, after: 0 }])
      expect(events?.map((event) => event.version)).toEqual(Array.from({ length: 64 }, (_, index) => index + 1))
    })

    test('appends of one stream that are sent without waiting keep their order', async () => {
      const stream = newStream()
      const answers = await Promise.all(
        Array.from({ length: 40 }, (_, n) =>
          store.append(newAppend({ stream, expected: n, events: [newEvent({ n })] })),
        ),
      )
      expect(answers.map((answer) => answer.kind)).toEqual(Array.from({ length: 40 }, () => 'appended'))
      const [events] = await store.readStreams([{ tenant: 'acme', stream, after: 0 }])
      expect(events?.map((event) => event.data)).toEqual(Array.from({ length: 40 }, (_, n) => ({ n })))
    })

    test('appends of several streams between each other keep each stream’s versions (I1)', async () => {
      const streams = [newStream(), newStream(), newStream()]
      const requests = Array.from({ length: 30 }, (_, n) =>
        newAppend({
          stream: streams[n % 3] as string,
          expected: n % 2 === 0 ? 2 * Math.floor(n / 3) : 'any',
          events: [newEvent({ n }), newEvent({ n })],
        }),
      )
      const answers = await Promise.all(requests.map((request) => store.append(request)))
      expect(answers.map(versionIn)).toEqual(requests.map((_, n) => 2 * (Math.floor(n / 3) + 1)))
      const read = await store.readStreams(streams.map((stream) => ({ tenant: 'acme', stream, after: 0 })))
      for (const [index, events] of read.entries()) {
        expect(events.map((event) => event.version)).toEqual(Array.from({ length: 20 }, (_, version) => version + 1))
        expect(events.map((event) => (event.data as { n: number }).n % 3)).toEqual(Array(20).fill(index))
      }
    })

    test('a conflict in the middle of a run of appends answers each on its own', async () => {
      const stream = newStream()
      const expectations: readonly ExpectedVersion[] = [0, 1, 1, 'any', 3, 'stream-exists', 9]
      const answers = await Promise.all(expectations.map((expected) => store.append(newAppend({ stream, expected }))))
      expect(answers.map((answer) => [answer.kind, versionIn(answer)])).toEqual([
        ['appended', 1],
        ['appended', 2],
        ['conflict', 2],
        ['appended', 3],
        ['appended', 4],
        ['appended', 5],
        ['conflict', 5],
      ])
    })

    test('positions are gap-free and each answer names its last event (I2)', async () => {
      const lane = await store.laneOf('acme')
      const head = await store.head(lane)
      const sizes = Array.from({ length: 50 }, (_, index) => 1 + (index % 3))
      const answers = await Promise.all(
        sizes.map((size) => store.append(newAppend({ events: Array.from({ length: size }, () => newEvent()) }))),
      )
      const total = sizes.reduce((sum, size) => sum + size, 0)
      const events = await store.readLane({ lane, after: head, limit: 1_000 })
      expect(events.map((event) => event.position)).toEqual(
        Array.from({ length: total }, (_, index) => head + index + 1),
      )
      for (const [index, answer] of answers.entries()) {
        if (answer.kind !== 'appended') throw new Error(`not appended: ${answer.kind}`)
        expect(answer.version).toBe(sizes[index])
        expect(events[answer.position - head - 1]?.version).toBe(answer.version)
      }
      const times = events.map((event) => event.recordedAt)
      expect(times).toEqual(times.toSorted())
    })
  })
}

export function describeReading(store: EventStore): void {
  describe('reading', () => {
    test('an event comes back as it was given, with its place and times', async () => {
      const stream = newStream()
      const command = newCommand()
      const data = { text: 'é\u2028"\\\n', list: [1, -2.5, 1e21, null, true], nested: { a: {} }, empty: '' }
      const given = [
        { ...newEvent(data), metadata: { trace: 'x' } },
        { ...newEvent('plain', 'order.noted'), schema: 3 },
      ]
      const request = newAppend({
        stream,
        command,
        occurredAt: '2026-11-21T11:00:00+01:00',
        events: given,
        device: null,
      })
      const answer = await store.append(request)
      if (answer.kind !== 'appended') throw new Error(`not appended: ${answer.kind}`)
      const [events] = await store.readStreams([{ tenant: 'acme', stream, after: 0 }])
      const lane = answer.lane
      const same = {
        lane,
        tenant: 'acme',
        stream,
        principal: 'ada',
        device: null,
        occurredAt: '2026-11-21T10:00:00.000Z',
      }
      const recordedAt = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string
      expect(events).toEqual([
        { ...given[0], ...same, position: answer.position - 1, version: 1, command: null, recordedAt },
        { ...given[1], ...same, position: answer.position, version: 2, command: command.id, recordedAt },
      ])
      expect(await store.readLane({ lane, after: answer.position - 2, limit: 2 })).toEqual(events)
    })

    test('a lane is read up to a position, of all types or of some', async () => {
      const lane = await store.laneOf('acme')
      const after = await store.head(lane)
      const events = ['order.placed', 'order.noted', 'order.placed', 'order.noted', 'order.noted'].map((type) =>
        newEvent({}, type),
      )
      await store.append(newAppend({ events }))
      const read = async (upTo: number, types?: readonly string[], limit = 10) => {
        const found = await store.readLane({ lane, after, limit, upTo, ...(types === undefined ? {} : { types }) })
        return found.map((event) => event.position - after)
      }
      expect(await read(after + 3)).toEqual([1, 2, 3])
      expect(await read(after + 3, undefined, 2)).toEqual([1, 2])
      expect(await read(after + 4, ['order.noted'])).toEqual([2, 4])
      expect(await read(after + 4, ['order.noted'], 1)).toEqual([2])
      expect(await read(after + 99, ['order.noted', 'order.placed'])).toEqual([1, 2, 3, 4, 5])
      expect([await read(after), await read(after, ['order.placed']), await read(0)]).toEqual([[], [], []])
    })

    test('many streams are read at once, each from its version, up to its limit', async () => {
      const [long, short] = [await streamWith(store, 5), await streamWith(store, 1)]
      const read = (stream: string, after: number, limit?: number) => ({
        tenant: 'acme',
        stream,
        after,
        ...(limit === undefined ? {} : { limit }),
      })
      const answers = await store.readStreams([
        read(long, 3),
        read(short, 0),
        read(long, 1, 2),
        read(newStream(), 0),
        read(long, 9),
        read(long, 0, 0),
        read('no\nname', 0),
      ])
      expect(answers.map((events) => events.map((event) => event.version))).toEqual([
        [4, 5],
        [1],
        [2, 3],
        [],
        [],
        [],
        [],
      ])
      expect(await store.readStreams([])).toEqual([])
    })

    test('a lane is read in bounded batches and by type', async () => {
      const lane = await store.laneOf('acme')
      const after = await store.head(lane)
      const types = ['order.a', 'order.b', 'order.a', 'order.c']
      await store.append(newAppend({ events: types.map((type) => newEvent({}, type)) }))
      const typesOf = (events: readonly StoredEvent[]) => events.map((event) => event.type)
      expect(typesOf(await store.readLane({ lane, after, limit: 3 }))).toEqual(types.slice(0, 3))
      const picked = await store.readLane({ lane, after, limit: 10, types: ['order.a', 'order.c'] })
      expect(typesOf(picked)).toEqual(['order.a', 'order.a', 'order.c'])
      expect(await store.readLane({ lane, after, limit: 10, types: [] })).toEqual([])
      expect(await store.readLane({ lane: 4_711, after: 0, limit: 10 })).toEqual([])
      expect(await store.head(4_711)).toBe(0)
    })

    test('tenants are isolated: the same stream id is another stream (I11)', async () => {
      const stream = await streamWith(store, 2)
      expect(await store.readStreams([{ tenant: 'globex', stream, after: 0 }])).toEqual([[]])
      expect(await store.append(newAppend({ tenant: 'globex', stream, expected: 0 }))).toMatchObject({ version: 1 })
      expect(await versionOf(store, 'acme', stream)).toBe(2)
      expect(await versionOf(store, 'globex', stream)).toBe(1)
    })

    test('a tenant keeps its lane and the log its epoch', async () => {
      const tenant = `tenant-${newId()}`
      const lanes = await Promise.all([store.laneOf(tenant), store.laneOf(tenant), store.laneOf(tenant)])
      expect(new Set(lanes).size).toBe(1)
      expect(await store.epoch()).toBe(await store.epoch())
    })
  })
}

export function describeSubscribing(store: EventStore): void {
  describe('subscribing', () => {
    test('catches up in batches, then follows', async () => {
      const lane = await store.laneOf('acme')
      const after = await store.head(lane)
      await store.append(newAppend({ events: Array.from({ length: 5 }, () => newEvent()) }))
      const controller = new AbortController()
      const sizes: number[] = []
      for await (const batch of store.subscribe({ lane, after, batch: 2, signal: controller.signal })) {
        sizes.push(batch.length)
        // The consumer is at the head now: what comes next is live.
        if (sizes.length === 3) await store.append(newAppend())
        if (sizes.length === 4) controller.abort()
      }
      expect(sizes).toEqual([2, 2, 1, 1])
    })

    test('loses nothing and repeats nothing beside concurrent writers (I2)', async () => {
      const lane = await store.laneOf('acme')
      const after = await store.head(lane)
      const total = 32 * 10
      const collected = collect(store, { lane, after, batch: 50 }, (events) => events.length >= total)
      await Promise.all(
        Array.from({ length: 32 }, async () => {
          for (let count = 0; count < 10; count++) {
            expect(await store.append(newAppend())).toMatchObject({ kind: 'appended' })
          }
        }),
      )
      const positions = (await collected).map((event) => event.position)
      expect(positions).toEqual(Array.from({ length: total }, (_, index) => after + index + 1))
    })

    test('ends when it is aborted while it waits, and at once when it was aborted before', async () => {
      const lane = await store.laneOf('acme')
      const controller = new AbortController()
      const iterator = store.subscribe({ lane, after: await store.head(lane), signal: controller.signal })
      const next = iterator[Symbol.asyncIterator]().next()
      controller.abort()
      expect(await next).toMatchObject({ done: true })
      const again = store.subscribe({ lane, after: 0, signal: controller.signal })
      expect(await again[Symbol.asyncIterator]().next()).toMatchObject({ done: true })
    })

    test('wakes listeners after an append and after a settle, until they stop', async () => {
      const lane = await store.laneOf('acme')
      const heard = (): Promise<void> =>
        new Promise((resolve) => {
          const stop = store.onWake((woken) => {
            if (woken !== lane) return
            stop()
            resolve()
          })
        })
      const first = heard()
      await store.append(newAppend())
      await first
      const second = heard()
      await store.settle(newSettle())
      await second
    })
  })
}
