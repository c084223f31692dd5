/**
 * What every event store must do, as tests: call {@link describeEventStore} from a test file of the adapter.
 * The names in brackets are the invariants of the design.
 */
import {
  createIdGenerator,
  type AppendAnswer,
  type AppendRequest,
  type CommandIdentity,
  type EventStore,
  type ExpectedVersion,
  type NewEvent,
  type SettleRequest,
  type StoredEvent,
} from '@tidemark/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

export interface ContractStore {
  readonly store: EventStore
  readonly close: () => Promise<void>
}

const newId = createIdGenerator({ now: Date.now, random: (bytes) => void crypto.getRandomValues(bytes) })

export function newCommand(hash = 'a'.repeat(32)): CommandIdentity {
  return { id: newId(), hash }
}

export function newEvent(data: NewEvent['data'] = { n: 1 }, type = 'order.placed'): NewEvent {
  return { id: newId(), type, schema: 1, data, metadata: {} }
}

export function newStream(): string {
  return `order/${newId()}`
}

/** One event onto a stream of its own, without a command; override what matters. */
export function newAppend(part: Partial<AppendRequest> = {}): AppendRequest {
  return {
    tenant: 'acme',
    stream: newStream(),
    expected: 'any',
    principal: 'ada',
    device: 'device-1',
    command: null,
    occurredAt: '2026-11-21T10:00:00.000Z',
    events: [newEvent()],
    ...part,
  }
}

/** A refusal; override what matters. */
export function newSettle(part: Partial<SettleRequest> = {}): SettleRequest {
  return {
    tenant: 'acme',
    stream: newStream(),
    principal: 'ada',
    device: 'device-1',
    command: newCommand(),
    outcome: { kind: 'refused', code: 'already_shipped', params: { by: 'bob' } },
    ...part,
  }
}

/** Collects a subscription's events until `enough`. */
export async function collect(
  store: EventStore,
  options: { lane: number; after: number; batch?: number },
  enough: (events: readonly StoredEvent[]) => boolean,
): Promise<StoredEvent[]> {
  const controller = new AbortController()
  const collected: StoredEvent[] = []
  for await (const batch of store.subscribe({ ...options, signal: controller.signal })) {
    collected.push(...batch)
    if (enough(collected)) break
  }
  return collected
}

export function describeEventStore(name: string, createStore: () => Promise<ContractStore>): void {
  describe(name, () => {
    let opened: ContractStore
    let store: EventStore
    beforeAll(async () => {
      opened = await createStore()
      store = opened.store
    })
    afterAll(() => opened.close())

    const versionOf = async (tenant: string, stream: string): Promise<number> => {
      const [events] = await store.readStreams([{ tenant, stream, after: 0 }])
      return events?.length ?? 0
    }
    const streamWith = async (count: number): Promise<string> => {
      const stream = newStream()
      if (count > 0) {
        const events = Array.from({ length: count }, (_, index) => newEvent({ n: index + 1 }))
        expect(await store.append(newAppend({ stream, events }))).toMatchObject({ kind: 'appended', version: count })
      }
      return stream
    }

    describe('expected versions', () => {
      const cases: readonly (readonly [ExpectedVersion, number, AppendAnswer['kind']])[] = [
        [0, 0, 'appended'],
        [0, 2, 'conflict'],
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
        const stream = await streamWith(count)
        const answer = await store.append(newAppend({ stream, expected }))
        expect(answer.kind).toBe(kind)
        if (answer.kind === 'appended') expect(answer.version).toBe(count + 1)
        if (answer.kind === 'conflict') expect(answer.current).toBe(count)
        expect(await versionOf('acme', stream)).toBe(count + (kind === 'appended' ? 1 : 0))
      })

      test.each(cases)('the same beside others in one batch: %s at %s is %s', async (expected, count, kind) => {
        const stream = await streamWith(count)
        const others = Array.from({ length: 5 }, () => store.append(newAppend({ expected: 0 })))
        const answer = await store.append(newAppend({ stream, expected }))
        expect(answer.kind).toBe(kind)
        for (const other of await Promise.all(others)) expect(other).toMatchObject({ kind: 'appended', version: 1 })
        expect(await versionOf('acme', stream)).toBe(count + (kind === 'appended' ? 1 : 0))
      })
    })

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
          expect(await versionOf('acme', stream)).toBe(3)
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
        expect(await versionOf('acme', stream)).toBe(1)
      })

      test('at once with two bodies, one body wins and the other is command-reused', async () => {
        const id = newId()
        const ask = (digit: string) => store.append(newAppend({ command: { id, hash: digit.repeat(32) } }))
        const answers = await Promise.all([ask('1'), ask('2'), ask('1'), ask('2')])
        const kinds = answers.map((answer) => answer.kind).sort()
        expect(kinds).toEqual(['appended', 'command-reused', 'command-reused', 'duplicate'])
      })

      test('a conflict leaves no result: the same command may be tried again, also at the same moment', async () => {
        const stream = await streamWith(1)
        const command = newCommand()
        expect(await store.append(newAppend({ stream, command, expected: 0 }))).toEqual({ kind: 'conflict', current: 1 })
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

      test('an acceptance without events is a result at its version and at the head of the lane', async () => {
        const command = newCommand()
        const stream = await streamWith(2)
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
        expect(await versionOf('acme', stream)).toBe(appended.kind === 'appended' ? 1 : 0)
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

    describe('order', () => {
      test('of many who expect the same version exactly one wins (I1)', async () => {
        const stream = await streamWith(1)
        const answers = await Promise.all(
          Array.from({ length: 64 }, () => store.append(newAppend({ stream, expected: 1, command: newCommand() }))),
        )
        expect(answers.filter((answer) => answer.kind === 'appended')).toHaveLength(1)
        for (const answer of answers) if (answer.kind !== 'appended') expect(answer).toEqual({ kind: 'conflict', current: 2 })
        expect(await versionOf('acme', stream)).toBe(2)
      })

      test('of many who expect any version all win, each at a version of its own (I1)', async () => {
        const stream = newStream()
        const answers = await Promise.all(Array.from({ length: 64 }, () => store.append(newAppend({ stream }))))
        const versions = answers.map((answer) => (answer.kind === 'appended' ? answer.version : answer.kind))
        expect(versions.sort((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: 64 }, (_, index) => index + 1))
        const [events] = await store.readStreams([{ tenant: 'acme', stream, after: 0 }])
        expect(events?.map((event) => event.version)).toEqual(Array.from({ length: 64 }, (_, index) => index + 1))
      })

      test('appends of one stream that are sent without waiting keep their order', async () => {
        const stream = newStream()
        const answers = await Promise.all(
          Array.from({ length: 40 }, (_, n) => store.append(newAppend({ stream, expected: n, events: [newEvent({ n })] }))),
        )
        expect(answers.map((answer) => answer.kind)).toEqual(Array.from({ length: 40 }, () => 'appended'))
        const [events] = await store.readStreams([{ tenant: 'acme', stream, after: 0 }])
        expect(events?.map((event) => event.data)).toEqual(Array.from({ length: 40 }, (_, n) => ({ n })))
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
        expect(events.map((event) => event.position)).toEqual(Array.from({ length: total }, (_, index) => head + index + 1))
        for (const [index, answer] of answers.entries()) {
          if (answer.kind !== 'appended') throw new Error(`not appended: ${answer.kind}`)
          expect(answer.version).toBe(sizes[index])
          expect(events[answer.position - head - 1]?.version).toBe(answer.version)
        }
        const times = events.map((event) => event.recordedAt)
        expect(times).toEqual(times.toSorted())
      })
    })

    describe('reading', () => {
      test('an event comes back as it was given, with its place and times', async () => {
        const stream = newStream()
        const command = newCommand()
        const data = { text: 'é\u2028"\\\n', list: [1, -2.5, 1e21, null, true], nested: { a: {} }, empty: '' }
        const given = [{ ...newEvent(data), metadata: { trace: 'x' } }, { ...newEvent('plain', 'order.noted'), schema: 3 }]
        const request = newAppend({ stream, command, occurredAt: '2026-11-21T11:00:00+01:00', events: given, device: null })
        const answer = await store.append(request)
        if (answer.kind !== 'appended') throw new Error(`not appended: ${answer.kind}`)
        const [events] = await store.readStreams([{ tenant: 'acme', stream, after: 0 }])
        const lane = answer.lane
        const same = { lane, tenant: 'acme', stream, principal: 'ada', device: null, occurredAt: '2026-11-21T10:00:00.000Z' }
        const recordedAt = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string
        expect(events).toEqual([
          { ...given[0], ...same, position: answer.position - 1, version: 1, command: null, recordedAt },
          { ...given[1], ...same, position: answer.position, version: 2, command: command.id, recordedAt },
        ])
        expect(await store.readLane({ lane, after: answer.position - 2, limit: 2 })).toEqual(events)
      })

      test('many streams are read at once, each from its version, up to its limit', async () => {
        const [long, short] = [await streamWith(5), await streamWith(1)]
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
        expect(answers.map((events) => events.map((event) => event.version))).toEqual([[4, 5], [1], [2, 3], [], [], [], []])
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
        const stream = await streamWith(2)
        expect(await store.readStreams([{ tenant: 'globex', stream, after: 0 }])).toEqual([[]])
        expect(await store.append(newAppend({ tenant: 'globex', stream, expected: 0 }))).toMatchObject({ version: 1 })
        expect(await versionOf('acme', stream)).toBe(2)
        expect(await versionOf('globex', stream)).toBe(1)
      })

      test('a tenant keeps its lane and the log its epoch', async () => {
        const tenant = `tenant-${newId()}`
        const lanes = await Promise.all([store.laneOf(tenant), store.laneOf(tenant), store.laneOf(tenant)])
        expect(new Set(lanes).size).toBe(1)
        expect(await store.epoch()).toBe(await store.epoch())
      })
    })

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

    describe('bad input', () => {
      const bad: readonly (readonly [string, Partial<AppendRequest>, string])[] = [
        ['a NUL character in data', { events: [newEvent({ a: ['x\u0000'] })] }, '/events/0/data/a/0'],
        ['a lone surrogate in data', { events: [newEvent({ a: '\ud800' })] }, '/events/0/data/a'],
        ['a number that is not finite', { events: [newEvent(Number.POSITIVE_INFINITY)] }, '/events/0/data'],
        ['data of depth 10,000', { events: [newEvent(deep(10_000))] }, `/events/0/data${'/0'.repeat(64)}`],
        ['no events', { events: [] }, '/events'],
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
  })
}

function versionIn(answer: AppendAnswer): number | undefined {
  if (answer.kind === 'appended') return answer.version
  return answer.kind === 'conflict' ? answer.current : undefined
}

function deep(depth: number): NewEvent['data'] {
  let value: NewEvent['data'] = []
  for (let level = 1; level < depth; level++) value = [value]
  return value
}
