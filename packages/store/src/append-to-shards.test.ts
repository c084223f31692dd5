import { sharding, splitEscrow, type AppendRequest, type EventStore } from '@tidemark/core'
import { createMemoryStore } from '@tidemark/testing'
import { newAppend, newCommand, newEvent } from '@tidemark/testing/event-store-contract'
import { expect, test } from 'vitest'
import { appendToShards, type ShardedAnswer } from './append-to-shards.ts'

const WHOLE = 'seats/train-7'
const SHARDS = sharding(4)

/** Seats, `total` of them, split over four shards; each reservation takes some from one shard's part. */
async function seats(total: number, store: EventStore = createMemoryStore()) {
  const streams = SHARDS.streamsOf(WHOLE)
  for (const [index, part] of splitEscrow(total, streams.length).entries()) {
    await store.append(newAppend({ stream: streams[index] ?? '', expected: 0, events: [newEvent({ free: part })] }))
  }
  const load = async (stream: string): Promise<{ version: number; state: number }> => {
    const [events = []] = await store.readStreams([{ tenant: 'acme', stream, after: 0 }])
    const state = events.reduce((free, event) => free + (event.data as { free: number }).free, 0)
    return { version: events.length, state }
  }
  const free = async (): Promise<readonly number[]> => {
    const parts = await Promise.all(streams.map(load))
    return parts.map((part) => part.state)
  }
  const reserve = (count: number, command = newCommand()): Promise<ShardedAnswer> =>
    appendToShards(store, {
      tenant: 'acme',
      shards: SHARDS.probe(WHOLE, command.id),
      principal: 'ada',
      device: null,
      command,
      occurredAt: '2026-11-21T10:00:00.000Z',
      load,
      decide: (state, shard) =>
        state < count
          ? { kind: 'refused', code: 'sold_out', params: { shard } }
          : { kind: 'events', events: [newEvent({ free: -count })] },
    })
  return { store, free, reserve }
}

const kindsOf = (answers: readonly ShardedAnswer[]): Readonly<Record<string, number>> =>
  answers.reduce<Record<string, number>>((counts, { kind }) => ({ ...counts, [kind]: (counts[kind] ?? 0) + 1 }), {})

test('exactly as many reservations hold as there are seats, whichever shards they fall on', async () => {
  const { free, reserve } = await seats(10)
  const answers: ShardedAnswer[] = []
  for (let n = 0; n < 14; n++) answers.push(await reserve(1))
  expect(kindsOf(answers)).toEqual({ appended: 10, refused: 4 })
  expect(await free()).toEqual([0, 0, 0, 0])
})

test('many at once never take more than there is, and those left contended are told to ask again', async () => {
  const { free, reserve } = await seats(10)
  const commands = Array.from({ length: 40 }, () => newCommand())
  let answers = await Promise.all(commands.map((command) => reserve(1, command)))
  while (answers.some((answer) => answer.kind === 'overloaded')) {
    answers = await Promise.all(commands.map((command) => reserve(1, command)))
  }
  expect(await free()).toEqual([0, 0, 0, 0])
})

test('a command asked again gets its first result, from whichever shard that came', async () => {
  const { free, reserve } = await seats(1)
  // Three shards without a seat pass the command on to the one that has it.
  const command = newCommand()
  const first = await reserve(1, command)
  expect(first.kind).toBe('appended')
  if (first.kind !== 'appended') return
  // By now all shards would refuse it.
  const again = await reserve(1, command)
  expect(again).toMatchObject({
    kind: 'duplicate',
    result: { kind: 'accepted', stream: first.shard, version: first.version },
  })
  expect(await free()).toEqual([0, 0, 0, 0])
})

test('the same command at once has one effect', async () => {
  const { free, reserve } = await seats(8)
  const command = newCommand()
  const answers = await Promise.all(Array.from({ length: 10 }, () => reserve(1, command)))
  expect(kindsOf(answers)).toEqual({ appended: 1, duplicate: 9 })
  expect((await free()).reduce((sum, part) => sum + part)).toBe(7)
})

test('a refusal is by all shards, tells what the command’s own shard said, and is stored', async () => {
  const { store, reserve } = await seats(8)
  const command = newCommand()
  const home = SHARDS.shardOf(WHOLE, command.id)
  expect(await reserve(3, command)).toMatchObject({ kind: 'refused', code: 'sold_out', params: { shard: home } })
  const results = await store.results('acme', 'ada', [command.id])
  expect(results.get(command.id)).toMatchObject({ kind: 'refused', stream: home, code: 'sold_out' })
})

test('a shard that keeps moving is no refusal: the next is asked, and it is not taken for one either', async () => {
  const inner = createMemoryStore()
  const restless = new Set<string>()
  const store: EventStore = {
    ...inner,
    append: async (request: AppendRequest) => {
      if (restless.has(request.stream))
        await inner.append(newAppend({ stream: request.stream, events: [newEvent({ free: 0 })] }))
      return inner.append(request)
    },
  }
  const { reserve } = await seats(8, store)
  const command = newCommand()
  const [home = '', second] = SHARDS.probe(WHOLE, command.id)
  restless.add(home)
  expect(await reserve(1, command)).toMatchObject({ kind: 'appended', shard: second })
  // One that keeps moving might have had a seat, whatever the others say.
  const many = newCommand()
  restless.clear()
  restless.add(SHARDS.probe(WHOLE, many.id)[2] ?? '')
  const parts = new Map(SHARDS.streamsOf(WHOLE).map((stream) => [stream, restless.has(stream) ? 0 : -2]))
  for (const [stream, by] of parts) await inner.append(newAppend({ stream, events: [newEvent({ free: by })] }))
  expect(await reserve(1, many)).toEqual({ kind: 'overloaded', retryAfterMs: 50 })
  expect(await inner.results('acme', 'ada', [many.id])).toEqual(new Map())
})

test('where no shard holds still nothing is stored', async () => {
  const inner = createMemoryStore()
  const store: EventStore = {
    ...inner,
    append: async (request: AppendRequest) => {
      if (request.command !== null)
        await inner.append(newAppend({ stream: request.stream, events: [newEvent({ free: 0 })] }))
      return inner.append(request)
    },
  }
  const { reserve } = await seats(8, store)
  const other = newCommand()
  expect(await reserve(1, other)).toEqual({ kind: 'overloaded', retryAfterMs: 50 })
  expect(await inner.results('acme', 'ada', [other.id])).toEqual(new Map())
})
