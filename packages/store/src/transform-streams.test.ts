import {
  aggregate,
  defineDomain,
  event,
  upcasts,
  type EventStore,
  type StandardSchema,
  type StoredEvent,
} from '@tidemark/core'
import { createMemoryStore } from '@tidemark/testing'
import { newAppend, newCommand, newEvent } from '@tidemark/testing/event-store-contract'
import { describe, expect, test } from 'vitest'
import type { TransformAudit, TransformEntry } from './transform-audit.ts'
import { DatabaseError } from './errors.ts'
import type { StreamTransformer, TransformFailure } from './transform-plan.ts'
import { transformStreams, type TransformOptions } from './transform-streams.ts'

/** The audit trail in memory, with the rules of the table. */
function createMemoryAudit() {
  const entries = new Map<string, TransformEntry>()
  const audit: TransformAudit = {
    async begin(start) {
      const known = entries.get(start.source)
      if (known !== undefined && known.state !== 'failed') return known
      const entry: TransformEntry = {
        ...start,
        state: 'started',
        targetVersion: null,
        failure: null,
        startedAt: '2026-11-21T10:00:00.000Z',
        finishedAt: null,
      }
      entries.set(start.source, entry)
      return entry
    },
    async finish({ source }, end) {
      const known = entries.get(source)
      if (known?.state === 'started') entries.set(source, { ...known, ...end, finishedAt: '2026-11-21T10:00:00.000Z' })
    },
    entries: async ({ state }) => [...entries.values()].filter((entry) => state === undefined || entry.state === state),
  }
  return { audit, entries }
}

interface Line {
  readonly sku: string
  readonly quantity: number
}

/** Order lines become stock movements; the order's total stands at the end. */
function toMovements(source: string): StreamTransformer {
  let total = 0
  return {
    target: source.replace('order/', 'movements/'),
    event: ({ type, data }) => {
      if (type !== 'order.lined') return []
      const { sku, quantity } = data as unknown as Line
      total += quantity
      return Array.from({ length: quantity }, () => ({ type: 'movements.moved', schema: 1, data: { sku } }))
    },
    end: () => [{ type: 'movements.ended', schema: 1, data: { total }, metadata: { by: 'end' } }],
  }
}

const lined = (sku: string, quantity: number, schema = 1) => ({ ...newEvent({ sku, quantity }, 'order.lined'), schema })

async function setUp(count = 3) {
  const store = createMemoryStore()
  const { audit, entries } = createMemoryAudit()
  for (let n = 0; n < count; n++) {
    const stream = `order/${n}`
    await store.append(newAppend({ stream, command: newCommand(), events: [newEvent({}, 'order.placed')] }))
    for (let line = 1; line <= 4; line++) {
      const principal = line <= 2 ? 'bob' : 'ada'
      const occurredAt = `2026-01-0${line}T00:00:00.000Z`
      await store.append(
        newAppend({ stream, principal, occurredAt, command: newCommand(), events: [lined(`s${line}`, line)] }),
      )
    }
  }
  const failures: Record<string, TransformFailure> = {}
  const options: TransformOptions = {
    store,
    audit,
    tenant: 'acme',
    run: 'orders-to-movements',
    select: Array.from({ length: count }, (_, n) => `order/${n}`),
    transform: toMovements,
    onFailure: (source, failure) => (failures[source] = failure),
  }
  const read = async (stream: string): Promise<readonly StoredEvent[]> =>
    (await store.readStreams([{ tenant: 'acme', stream, after: 0 }]))[0] ?? []
  return { store, audit, entries, options, failures, read }
}

/** What must be the same however a run came about; positions and times of storing are not. */
const contentOf = (events: readonly StoredEvent[]) => events.map(({ position: _, recordedAt: __, ...event }) => event)

describe('copy-and-transform', () => {
  test('writes new streams that link to the old ones, and leaves the old ones as they are', async () => {
    const { options, read, entries } = await setUp()
    const before = await read('order/1')
    const result = await transformStreams(options)
    expect(result).toMatchObject({
      kind: 'done',
      done: 3,
      before: 0,
      skipped: 0,
      failed: 0,
      eventsRead: 15,
      eventsWritten: 33,
    })
    expect(await read('order/1')).toEqual(before)
    const copied = await read('movements/1')
    expect(copied.map(({ type, data }) => [type, data])).toEqual([
      ...['s1', 's2', 's2', 's3', 's3', 's3', 's4', 's4', 's4', 's4'].map((sku) => ['movements.moved', { sku }]),
      ['movements.ended', { total: 10 }],
    ])
    const when = copied.map(({ principal, occurredAt }) => `${principal} ${occurredAt.slice(9, 10)}`)
    expect(when).toEqual(['bob 1', 'bob 2', 'bob 2', ...Array(3).fill('ada 3'), ...Array(5).fill('ada 4')])
    const [first, last] = [copied[0] as StoredEvent, copied.at(-1) as StoredEvent]
    const source = before[1] as StoredEvent
    expect(first).toMatchObject({ principal: 'bob', device: null, occurredAt: source.occurredAt })
    const link = {
      run: 'orders-to-movements',
      stream: 'order/1',
      version: 2,
      id: source.id,
      recordedAt: source.recordedAt,
    }
    expect(first.metadata).toEqual({ transformed: link })
    expect(last.metadata).toMatchObject({ by: 'end', transformed: { version: 5 } })
    expect(entries.get('order/1')).toMatchObject({
      state: 'done',
      sourceVersion: 5,
      target: 'movements/1',
      targetVersion: 11,
    })
  })

  test('the same run again copies nothing twice, and picks up streams it has not seen', async () => {
    const { store, options, read } = await setUp()
    await transformStreams(options)
    const head = await store.head(0)
    expect(await transformStreams(options)).toMatchObject({ kind: 'done', done: 0, before: 3, eventsWritten: 0 })
    expect(await store.head(0)).toBe(head)
    await store.append(newAppend({ stream: 'order/new', events: [lined('s1', 1)] }))
    const more = { ...options, select: [...(options.select as string[]), 'order/new'] }
    expect(await transformStreams(more)).toMatchObject({ done: 1, before: 3 })
    expect(await read('movements/new')).toHaveLength(2)
  })

  test('a dry run tells what would happen and writes nothing', async () => {
    const { store, options, entries, failures } = await setUp()
    await store.append(newAppend({ stream: 'movements/2', events: [newEvent()] }))
    const head = await store.head(0)
    const result = await transformStreams({ ...options, dryRun: true })
    expect(result).toMatchObject({ kind: 'done', done: 2, failed: 1, eventsWritten: 22 })
    expect(failures).toEqual({ 'order/2': { kind: 'target-exists', target: 'movements/2' } })
    expect([await store.head(0), entries.size]).toEqual([head, 0])
  })

  test('cut off before or after any call to the store or the audit trail, it goes on and ends the same', async () => {
    const whole = await setUp(2)
    await transformStreams(whole.options)
    let calls = 0
    for (let cutAt = 0, cut = true; cut; cutAt++) {
      for (const when of ['before', 'after'] as const) {
        const { store, audit, options, read, entries } = await setUp(0)
        for (const stream of ['order/0', 'order/1']) {
          const events = contentOf(await whole.read(stream))
          for (const { tenant, principal, device, command, occurredAt, ...source } of events) {
            const identity = command === null ? null : { id: command, hash: 'a'.repeat(32) }
            await store.append({
              tenant,
              stream,
              expected: 'any',
              principal,
              device,
              command: identity,
              occurredAt,
              events: [source],
            })
          }
        }
        calls = 0
        // Everything after the cut fails as well: the process is gone.
        const cutting =
          <A extends readonly unknown[], R>(call: (...input: A) => Promise<R>) =>
          async (...input: A): Promise<R> => {
            const here = calls++
            if (here > cutAt || (here === cutAt && when === 'before')) throw new Error('crashed')
            const answer = await call(...input)
            if (here === cutAt) throw new Error('crashed')
            return answer
          }
        const select = ['order/0', 'order/1']
        const crashing = {
          ...options,
          select,
          concurrency: 1,
          pageEvents: 2,
          store: { append: cutting(store.append), readStreams: cutting(store.readStreams) },
          audit: { begin: cutting(audit.begin), finish: cutting(audit.finish), entries: audit.entries },
        }
        const crashed = await transformStreams(crashing).then(
          () => false,
          () => true,
        )
        cut = crashed
        // The source may grow meanwhile; what is copied was fixed when it began.
        if (entries.has('order/0')) await store.append(newAppend({ stream: 'order/0', events: [lined('late', 1)] }))
        expect(await transformStreams({ ...options, select })).toMatchObject({ kind: 'done', failed: 0 })
        for (const target of ['movements/0', 'movements/1']) {
          const want = contentOf(await whole.read(target)).map(({ metadata: _, ...event }) => event)
          const got = contentOf(await read(target)).map(({ metadata: _, ...event }) => event)
          expect(got).toEqual(want)
        }
      }
    }
    expect(calls).toBeGreaterThan(20)
  })

  test('two processes on one run at once have one effect', async () => {
    const { options, read } = await setUp()
    const results = await Promise.all([transformStreams(options), transformStreams(options)])
    expect(results.map((result) => [result.kind, result.failed])).toEqual([
      ['done', 0],
      ['done', 0],
    ])
    expect(await read('movements/0')).toHaveLength(11)
  })

  test('streams that this run has made are not copied again when they are selected as well', async () => {
    const { options, read } = await setUp(1)
    const transform = (source: string): StreamTransformer => ({
      target: `${source}~2`,
      event: ({ type, schema, data }) => [{ type, schema, data }],
    })
    const select = ['order/0', 'order/0~2', 'order/none']
    expect(await transformStreams({ ...options, transform, select, concurrency: 1 })).toMatchObject({
      done: 1,
      skipped: 2,
    })
    expect(await read('order/0~2')).toHaveLength(5)
    expect(await read('order/0~2~2')).toHaveLength(0)
  })

  test('long streams are read in pages and give the same events however they are paged', async () => {
    const { store, options, read } = await setUp(0)
    for (let n = 0; n < 3; n++) {
      const events = Array.from({ length: 700 }, (_, index) => lined(`s${index}`, 1))
      await store.append(newAppend({ stream: 'order/long', events }))
    }
    const select = ['order/long']
    const { audit } = createMemoryAudit()
    const small = {
      ...options,
      audit,
      run: 'paged',
      select,
      pageEvents: 77,
      transform: (source: string) => ({ ...toMovements(source), target: 'movements/paged' }),
    }
    expect(await transformStreams(small)).toMatchObject({ done: 1, eventsRead: 2_100, eventsWritten: 2_101 })
    expect(await transformStreams({ ...options, select })).toMatchObject({
      done: 1,
      eventsRead: 2_100,
      eventsWritten: 2_101,
    })
    const [paged, whole] = [await read('movements/paged'), await read('movements/long')]
    expect(paged.map(({ version, data }) => [version, data])).toEqual(whole.map(({ version, data }) => [version, data]))
  })

  test('a signal stops it between streams, and the next call goes on', async () => {
    const { options } = await setUp(3)
    const stop = new AbortController()
    const onProgress = (): void => stop.abort()
    const cut = await transformStreams({ ...options, concurrency: 1, signal: stop.signal, onProgress })
    expect(cut).toMatchObject({ kind: 'cancelled', done: 1 })
    expect(await transformStreams(options)).toMatchObject({ kind: 'done', done: 2, before: 1 })
  })

  test('an outage is bridged for a while, then told; a bug is thrown', async () => {
    const { store, options } = await setUp(1)
    let outages = 2
    const flaky: Pick<EventStore, 'append' | 'readStreams'> = {
      readStreams: store.readStreams,
      append: async (request) =>
        outages-- > 0 ? { kind: 'unavailable', retryAfterMs: 1, cause: '57P01' } : store.append(request),
    }
    outages = Infinity
    expect(await transformStreams({ ...options, store: flaky })).toMatchObject({
      kind: 'unavailable',
      cause: '57P01',
      done: 0,
    })
    outages = 2
    expect(await transformStreams({ ...options, store: flaky })).toMatchObject({ kind: 'done', done: 1 })
    const lost = async (): Promise<never> => {
      throw new DatabaseError('unknown', '08006', 'connection lost', {})
    }
    expect(await transformStreams({ ...options, store: { ...flaky, readStreams: lost } })).toMatchObject({
      kind: 'unavailable',
      cause: '08006: connection lost',
    })
    const bug = async (): Promise<never> => {
      throw new TypeError('a bug')
    }
    await expect(transformStreams({ ...options, store: { ...flaky, readStreams: bug } })).rejects.toThrow('a bug')
    await expect(transformStreams({ ...options, run: '' })).rejects.toThrow(RangeError)
  })
})

describe('what is not copied', () => {
  test.each<readonly [string, (source: string) => StreamTransformer, TransformFailure]>([
    [
      'a transformer that throws',
      (source) => ({
        ...toMovements(source),
        event: ({ version }) => {
          if (version === 5) throw new Error('a bug')
          return [{ type: 'movements.moved', schema: 1, data: {} }]
        },
      }),
      { kind: 'transformer-failed', version: 5, message: 'a bug' },
    ],
    [
      'data that cannot be stored',
      (source) => ({
        ...toMovements(source),
        event: () => [{ type: 'movements.moved', schema: 1, data: { text: '\u0000' } }],
      }),
      { kind: 'invalid', version: 1, issues: [{ path: '/2/text', code: 'nul_character' }] },
    ],
    [
      'an event without a schema version',
      (source) => ({ ...toMovements(source), event: () => [{ type: 'movements.moved', schema: 0, data: {} }] }),
      { kind: 'invalid', version: 1, issues: [{ path: '/events/0/schema', code: 'not_json' }] },
    ],
    [
      'a target that is the source',
      (source) => ({ ...toMovements(source), target: source }),
      { kind: 'target-is-source' },
    ],
  ])('%s fails, is recorded, and leaves nothing behind', async (_, transform, failure) => {
    const { store, options, failures, entries } = await setUp(1)
    const head = await store.head(0)
    expect(await transformStreams({ ...options, transform, pageEvents: 2 })).toMatchObject({
      kind: 'done',
      done: 0,
      failed: 1,
    })
    expect(failures).toEqual({ 'order/0': failure })
    expect(entries.get('order/0')).toMatchObject({ state: 'failed', failure })
    expect(await store.head(0)).toBe(head)
    // Once it is mended, the same run copies the stream, with what it has got since.
    await store.append(newAppend({ stream: 'order/0', events: [lined('late', 1)] }))
    expect(await transformStreams(options)).toMatchObject({ done: 1, failed: 0, eventsRead: 6 })
  })

  test('a stream whose target has foreign events, and the others go on', async () => {
    const { store, options, failures } = await setUp(3)
    await store.append(newAppend({ stream: 'movements/1', events: [newEvent()] }))
    expect(await transformStreams(options)).toMatchObject({ done: 2, failed: 1 })
    expect(failures).toEqual({ 'order/1': { kind: 'target-exists', target: 'movements/1' } })
  })

  test('a stream that an earlier attempt copied otherwise', async () => {
    const { options, failures, audit } = await setUp(1)
    const crash = async (): Promise<never> => {
      throw new Error('crashed')
    }
    await expect(transformStreams({ ...options, audit: { ...audit, finish: crash } })).rejects.toThrow('crashed')
    const transform = (source: string): StreamTransformer => ({
      ...toMovements(source),
      end: () => [{ type: 'movements.other', schema: 1, data: {} }],
    })
    expect(await transformStreams({ ...options, transform })).toMatchObject({ failed: 1 })
    expect(failures).toEqual({ 'order/0': { kind: 'changed-transform', target: 'movements/0' } })
  })

  test('a stream to skip, which is recorded as such', async () => {
    const { options, entries } = await setUp(2)
    const transform = (source: string) => (source === 'order/0' ? 'skip' : toMovements(source))
    expect(await transformStreams({ ...options, transform })).toMatchObject({ done: 1, skipped: 1 })
    expect(entries.get('order/0')).toMatchObject({ state: 'skipped', target: null })
  })
})

describe('with domains', () => {
  /** An object with the given fields, as a Standard Schema. */
  const fields = <T extends object>(kinds: Readonly<Record<string, 'string' | 'number'>>): StandardSchema<T> => ({
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value) => {
        const wrong = Object.entries(kinds).filter(
          ([field, kind]) => typeof (value as Record<string, unknown>)[field] !== kind,
        )
        return wrong.length === 0
          ? { value: value as T }
          : { issues: wrong.map(([field]) => ({ message: 'wrong', path: [field] })) }
      },
    },
  })
  const Order = aggregate('order', {
    initial: () => ({}),
    events: {
      placed: event(fields({})),
      lined: event(fields<Line>({ sku: 'string', quantity: 'number' }), {
        upcast: upcasts<{ sku: string }>(2).step(({ sku }) => ({ sku, quantity: 2 })),
      }),
    },
    evolve: { placed: (order) => order, lined: (order) => order },
    commands: () => ({}),
  })
  const Movements = aggregate('movements', {
    initial: () => ({}),
    events: {
      moved: event(fields<{ sku: string }>({ sku: 'string' })),
      ended: event(fields<{ total: number }>({ total: 'number' })),
    },
    evolve: { moved: (movements) => movements, ended: (movements) => movements },
    commands: () => ({}),
  })
  const domain = defineDomain({ name: 'depot', aggregates: [Order, Movements], projections: [] })
  const domains = { sourceDomain: domain, targetDomain: domain }

  test('the transformer is given upcast events, and what it returns is validated', async () => {
    const { store, options, read } = await setUp(0)
    const old = { ...newEvent({ sku: 's1' }, 'order.lined'), schema: 2 }
    await store.append(newAppend({ stream: 'order/a', events: [old, lined('s2', 1, 3)] }))
    expect(await transformStreams({ ...options, ...domains, select: ['order/a'] })).toMatchObject({
      done: 1,
      eventsWritten: 4,
    })
    expect((await read('movements/a')).map(({ data }) => data)).toEqual([
      { sku: 's1' },
      { sku: 's1' },
      { sku: 's2' },
      { total: 3 },
    ])
  })

  test.each([
    ['an unknown type', newEvent({}, 'order.unheard'), { kind: 'unknown-type', type: 'order.unheard' }],
    ['a missing step', lined('s1', 1, 1), { kind: 'missing-upcaster', from: 1 }],
    [
      'invalid data',
      { ...newEvent({ sku: 7, quantity: 1 }, 'order.lined'), schema: 3 },
      { kind: 'invalid-data', issues: [{ path: 'sku' }] },
    ],
    ['a newer schema', lined('s1', 1, 4), { kind: 'newer-schema', stored: 4 }],
  ] as const)('%s in the source is told as such, with its version', async (_, bad, failure) => {
    const { store, options, failures } = await setUp(0)
    await store.append(newAppend({ stream: 'order/a', events: [lined('s1', 1, 3), bad] }))
    const head = await store.head(0)
    expect(await transformStreams({ ...options, ...domains, select: ['order/a'] })).toMatchObject({ failed: 1 })
    expect(failures['order/a']).toMatchObject({ kind: 'unreadable', version: 2, failure })
    expect(await store.head(0)).toBe(head)
  })

  test('so is what the transformer makes, before anything is written', async () => {
    const { store, options, failures } = await setUp(0)
    await store.append(newAppend({ stream: 'order/a', events: [lined('s1', 1, 3)] }))
    const transform = (source: string): StreamTransformer => ({
      ...toMovements(source),
      end: () => [{ type: 'movements.ended', schema: 1, data: {} }],
    })
    expect(await transformStreams({ ...options, ...domains, transform, select: ['order/a'] })).toMatchObject({
      failed: 1,
    })
    expect(failures['order/a']).toMatchObject({
      kind: 'unwritable',
      version: 1,
      failure: { kind: 'invalid-data', issues: [{ path: 'total' }] },
    })
    expect(await store.head(0)).toBe(1)
  })
})
