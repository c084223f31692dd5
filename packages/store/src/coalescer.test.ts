import type { EventStore, MergedAppendRequest } from '@tidemark/core'
import { createMemoryStore } from '@tidemark/testing'
import { newAppend, newCommand, newEvent, newSettle } from '@tidemark/testing/event-store-contract'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createCoalescer, type CoalescedCommand, type CoalescerOptions } from './coalescer.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

function reading(by: number, part: Partial<CoalescedCommand<number>> = {}): CoalescedCommand<number> {
  return {
    tenant: 'acme',
    stream: 'meter/m1',
    principal: 'ada',
    device: 'device-1',
    command: newCommand(),
    occurredAt: '2026-11-21T10:00:00.000Z',
    input: by,
    ...part,
  }
}

function setUp(options: Partial<CoalescerOptions<number>> = {}, inner: EventStore = createMemoryStore()) {
  const requests: MergedAppendRequest[] = []
  const store: Pick<EventStore, 'appendMerged'> = {
    appendMerged: (request) => {
      requests.push(request)
      return inner.appendMerged(request)
    },
  }
  const coalescer = createCoalescer<number>({
    store,
    window: { ms: 20, maxCount: 100 },
    merge: (commands) => {
      if (commands.some(({ input }) => Number.isNaN(input))) throw new Error('no number')
      return [newEvent({ by: commands.reduce((sum, { input }) => sum + input, 0), count: commands.length })]
    },
    ...options,
  })
  const data = async (stream = 'meter/m1') => {
    const [events = []] = await inner.readStreams([{ tenant: 'acme', stream, after: 0 }])
    return events.map((event) => event.data)
  }
  return { inner, coalescer, requests, data }
}

test('the commands of a window become one event, and each is answered with it', async () => {
  const { coalescer, data, inner } = setUp()
  const commands = [1, 2, 3].map((by) => reading(by))
  const answers = Promise.all(commands.map((command) => coalescer.submit(command)))
  await vi.advanceTimersByTimeAsync(19)
  expect(await data()).toEqual([])
  await vi.advanceTimersByTimeAsync(1)
  const appended = { kind: 'appended', version: 1, lane: 0, position: 1 }
  expect(await answers).toEqual([appended, appended, appended])
  expect(await data()).toEqual([{ by: 6, count: 3 }])
  const ids = commands.map(({ command }) => command.id)
  expect((await inner.results('acme', 'ada', ids)).size).toBe(3)
})

test('a full window does not wait for its end', async () => {
  const { coalescer, data } = setUp({ window: { ms: 60_000, maxCount: 3 } })
  await Promise.all([1, 2, 3].map((by) => coalescer.submit(reading(by))))
  expect(await data()).toEqual([{ by: 6, count: 3 }])
})

test('streams and tenants have windows of their own', async () => {
  const { coalescer, data, requests } = setUp()
  const all = [reading(1), reading(2, { stream: 'meter/m2' }), reading(4, { tenant: 'globex' })]
  const answers = Promise.all(all.map((command) => coalescer.submit(command)))
  await coalescer.flush()
  for (const answer of await answers) expect(answer).toMatchObject({ kind: 'appended', version: 1 })
  expect([await data(), await data('meter/m2')]).toEqual([[{ by: 1, count: 1 }], [{ by: 2, count: 1 }]])
  expect(requests).toHaveLength(3)
})

test('a command sent again in the same window, in a later one or through another coalescer counts once', async () => {
  const { coalescer, data, inner } = setUp()
  const command = reading(5)
  const first = coalescer.submit(command)
  const same = coalescer.submit(command)
  const beside = coalescer.submit(reading(1))
  await coalescer.flush()
  const { kind, ...where } = (await first) as { kind: string }
  const result = { kind: 'accepted', stream: 'meter/m1', hash: command.command.hash, ...where }
  expect([kind, await same]).toEqual(['appended', { kind: 'duplicate', result }])
  expect((await beside).kind).toBe('appended')
  const other = setUp({}, inner)
  const later = [coalescer.submit(command), other.coalescer.submit(command), other.coalescer.submit(reading(2))]
  await Promise.all([coalescer.flush(), other.coalescer.flush()])
  expect(await Promise.all(later)).toMatchObject([
    { kind: 'duplicate', result },
    { kind: 'duplicate', result },
    { kind: 'appended' },
  ])
  expect(await data()).toEqual([
    { by: 6, count: 2 },
    { by: 2, count: 1 },
  ])
})

test('the same id with another body is command-reused, in the same window too, and the first still counts', async () => {
  const { coalescer, data } = setUp()
  const command = reading(5)
  const other = reading(7, { command: { id: command.command.id, hash: 'f'.repeat(32) } })
  const answers = Promise.all([command, other, command].map((one) => coalescer.submit(one)))
  await coalescer.flush()
  expect((await answers).map((answer) => answer.kind)).toEqual(['appended', 'command-reused', 'duplicate'])
  expect(await data()).toEqual([{ by: 5, count: 1 }])
})

test('a command that was refused or appended alone before keeps that result, and its neighbours are stored', async () => {
  const { coalescer, data, inner } = setUp()
  const [refused, appended, fresh] = [reading(1), reading(2), reading(4)] as const
  await inner.settle(newSettle({ command: refused.command }))
  await inner.append(newAppend({ command: appended.command }))
  const answers = Promise.all([refused, appended, fresh].map((one) => coalescer.submit(one)))
  await coalescer.flush()
  expect(await answers).toMatchObject([
    { kind: 'duplicate', result: { kind: 'refused' } },
    { kind: 'duplicate', result: { kind: 'accepted' } },
    { kind: 'appended', version: 1 },
  ])
  expect(await data()).toEqual([{ by: 4, count: 1 }])
})

test('a command that cannot be merged or stored gets its own answer and harms no neighbour', async () => {
  const { coalescer, data } = setUp()
  const commands = [reading(1), reading(Number.NaN), reading(2), reading(3, { principal: '' }), reading(4)]
  const answers = Promise.allSettled(commands.map((command) => coalescer.submit(command)))
  await coalescer.flush()
  const told = (await answers).map((one) => (one.status === 'fulfilled' ? one.value : String(one.reason)))
  expect(told).toMatchObject([
    { kind: 'appended' },
    'Error: no number',
    { kind: 'appended' },
    { kind: 'invalid', issues: [{ path: '/principal' }] },
    { kind: 'appended' },
  ])
  const sum = (await data()).reduce<number>((total, event) => total + (event as { by: number }).by, 0)
  expect(sum).toBe(7)
})

test('nothing is answered before it is stored, and the windows of a stream are stored one after the other', async () => {
  const inner = createMemoryStore()
  const release: (() => void)[] = []
  const slow: EventStore = {
    ...inner,
    appendMerged: async (request) => {
      await new Promise<void>((resolve) => release.push(resolve))
      return inner.appendMerged(request)
    },
  }
  const { coalescer, requests } = setUp({ window: { ms: 20, maxCount: 1 } }, slow)
  const answered: number[] = []
  const all = [1, 2].map((by) => coalescer.submit(reading(by)).then(() => answered.push(by)))
  await vi.waitFor(() => expect(release).toHaveLength(1))
  expect([answered, requests.length]).toEqual([[], 1])
  release.shift()?.()
  await vi.waitFor(() => expect(release).toHaveLength(1))
  expect([answered, requests.length]).toEqual([[1], 2])
  release.shift()?.()
  await Promise.all(all)
})

test('it is bounded: what would be too much is told to come again', async () => {
  const { coalescer } = setUp({ maxWaiting: 2 })
  const answers = Promise.all([1, 2, 3].map((by) => coalescer.submit(reading(by))))
  await coalescer.flush()
  expect(await answers).toMatchObject([
    { kind: 'appended' },
    { kind: 'appended' },
    { kind: 'overloaded', retryAfterMs: 50 },
  ])
  const later = coalescer.submit(reading(3))
  await coalescer.flush()
  expect((await later).kind).toBe('appended')
})

test('closing stores what waits, and takes nothing more', async () => {
  const { coalescer, data } = setUp()
  const last = coalescer.submit(reading(1))
  await coalescer.close()
  expect((await last).kind).toBe('appended')
  expect(await coalescer.submit(reading(2))).toMatchObject({ kind: 'unavailable' })
  expect(await data()).toEqual([{ by: 1, count: 1 }])
  expect(vi.getTimerCount()).toBe(0)
})

test('an outage is told to every command of the window, which may then be sent again', async () => {
  const inner = createMemoryStore()
  let down = true
  const flaky: EventStore = {
    ...inner,
    appendMerged: async (request) => {
      const answer = await inner.appendMerged(request)
      if (!down) return answer
      // The worst case: stored, and nobody knows.
      down = false
      return { kind: 'unavailable', retryAfterMs: 1_000, cause: '08006' }
    },
  }
  const { coalescer, data } = setUp({}, flaky)
  const commands = [reading(1), reading(2)]
  for (const kind of ['unavailable', 'duplicate']) {
    const answers = Promise.all(commands.map((command) => coalescer.submit(command)))
    await coalescer.flush()
    expect((await answers).map((answer) => answer.kind)).toEqual([kind, kind])
  }
  expect(await data()).toEqual([{ by: 3, count: 2 }])
})

test.each([
  { ms: -1, maxCount: 10 },
  { ms: Number.NaN, maxCount: 10 },
  { ms: 10, maxCount: 0 },
  { ms: 10, maxCount: 1_001 },
])('a window of %j is refused', (window) => {
  expect(() => setUp({ window })).toThrow(RangeError)
})
