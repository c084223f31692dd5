import type { JsonObject, NewEvent, Reaction } from '@tidemark/core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ann, newId } from './fixtures/push.ts'
import { createReactionWorld, until, type ReactionWorld } from './fixtures/reaction-world.ts'
import { takeGoods } from './fixtures/shop.ts'

let world: ReactionWorld
beforeEach(async () => {
  world = await createReactionWorld()
})
afterEach(() => world.close())

test('an event leads to its commands, and a refusal to the follow-up that was declared for it', async () => {
  const { run, say, add, settled, log, told } = world
  const reactions = await run()
  await add('1', 'a', 'cup', 8)
  await settled(reactions)
  await add('2', 'b', 'cup', 5)
  await settled(reactions)
  await say('cart/1', 'cart.drop', { line: 'a' })
  await settled(reactions)
  const by = 'reaction:take-goods'
  expect(await told()).toEqual([
    'added a cart/1 ann',
    `taken a shelf/cup ${by}`,
    'added b cart/2 ann',
    `markedShort b cart/2 ${by}`,
    'dropped a cart/1 ann',
    `back a shelf/cup ${by}`,
  ])
  expect((await log())[3]?.data).toEqual({ line: 'b', free: 2 })
  expect(await reactions.lag()).toMatchObject([{ reaction: 'take-goods', lane: 0, parked: 0, lease: { kind: 'held' } }])
})

test('people cannot send what only a reaction may', async () => {
  const { say } = world
  expect(await say('shelf/cup', 'shelf.take', { line: 'a', pieces: 1 })).toEqual({ kind: 'forbidden' })
})

test('a new reaction leaves alone what was there before it, unless told to begin at the beginning', async () => {
  const { open, run, add, settled, told } = world
  await add('1', 'old', 'cup', 1)
  await open()
  await add('1', 'new', 'cup', 1)
  await settled(await run())
  expect(await told()).toEqual([
    'added old cart/1 ann',
    'added new cart/1 ann',
    'taken new shelf/cup reaction:take-goods',
  ])
  // Another name is another reaction: this one may do nothing, but it looks at all of it.
  const seen: string[] = []
  const watching: Reaction = {
    ...takeGoods({ startAt: 'beginning' }),
    name: 'watch',
    react: (_state, event) => {
      seen.push((event.data as { line: string }).line)
      return []
    },
  }
  const watch = await run(watching)
  expect(await watch.waitFor('watch', { lane: 0, position: 2 }, 20_000)).toEqual({ kind: 'reached' })
  expect(seen).toEqual(['old', 'new'])
})

test('a lane that comes after the reaction is read from its first event', async () => {
  const { store, open, run, add } = world
  // Known to the log, and not at work when the lane's first events come.
  await open()
  await store.sql().query("insert into tidemark.tenants (tenant, lane) values ('far', 3)")
  await add('1', 'a', 'cup', 1, { ...ann, tenant: 'far' })
  const reactions = await run()
  await until(
    async () => (await store.readStreams([{ tenant: 'far', stream: 'shelf/cup', after: 0 }]))[0] ?? [],
    (events) => events.length === 1,
  )
  expect(await reactions.lag()).toMatchObject([{ lane: 0 }, { lane: 3 }])
})

test('a replay of the whole log sends nothing anew', async () => {
  const { store, run, add, settled, log } = world
  const first = await run()
  for (const n of [1, 2, 3, 4]) await add(`${n % 2}`, `l${n}`, 'cup', 4)
  await settled(first)
  await first.close()
  const before = await log()
  await store.sql().query("update tidemark.checkpoints set position = 0 where consumer = 'reaction:take-goods'")
  await settled(await run())
  expect(await log()).toEqual(before)
  expect(before.filter(({ type }) => type === 'shelf.taken')).toHaveLength(2)
  expect(before.filter(({ type }) => type === 'cart.markedShort')).toHaveLength(2)
})

test('what a split carries forward, or a transformation wrote anew, is not answered a second time', async () => {
  const { store, run, add, settled, log, told } = world
  const reactions = await run()
  const data = { line: 'a', sku: 'cup', pieces: 2 }
  const event = (type: string, metadata: JsonObject = {}): NewEvent => ({
    id: newId(),
    type,
    schema: 1,
    data,
    metadata,
  })
  const common = { tenant: 'acme', principal: 'ann', device: null, occurredAt: new Date().toISOString() }
  await add('long', 'a', 'cup', 2)
  const split = await store.splitStream({
    ...common,
    stream: 'cart/long',
    successor: 'cart/next',
    expected: 1,
    command: { id: newId(), hash: '0'.repeat(32) },
    close: event('cart.dropped'),
    open: [event('cart.added')],
  })
  expect(split.kind).toBe('split')
  const transformed = event('cart.added', { transformed: { run: 'r', stream: 'cart/long' } })
  await store.append({ ...common, stream: 'cart/copy', expected: 0, command: null, events: [transformed] })
  await add('next', 'b', 'cup', 1)
  await settled(reactions)
  // The closing event is one of the stream's own, and has been answered.
  expect((await told()).filter((one) => one.includes('reaction:')).map((one) => one.split(' ', 2).join(' '))).toEqual(
    expect.arrayContaining(['taken a', 'back a', 'taken b']),
  )
  expect(await reactions.parked.list()).toEqual([])
  expect((await log()).filter(({ type }) => type === 'shelf.taken')).toHaveLength(2)
})

test('an event it cannot answer parks its stream; the others go on, and a retry keeps the order', async () => {
  const { run, add, settled, told } = world
  const broken = await run()
  await add('bad', 'p', 'poison', 1)
  await add('bad', 'behind', 'cup', 1)
  await add('good', 'g', 'cup', 1)
  await settled(broken)
  const taken = async (): Promise<readonly string[]> =>
    (await told()).filter((one) => one.startsWith('taken')).map((one) => one.split(' ')[1] ?? '')
  expect(await taken()).toEqual(['g'])
  expect(await broken.parked.list()).toMatchObject([
    {
      stream: 'cart/bad',
      position: 1,
      reason: 'failed',
      message: 'The reaction failed: cannot do poison',
      attempts: 1,
    },
    { stream: 'cart/bad', position: 2, reason: 'behind', attempts: 0 },
  ])
  expect((await broken.lag())[0]?.parked).toBe(2)

  const place = { reaction: 'take-goods', tenant: 'acme', stream: 'cart/bad' }
  const by = { principal: 'ann', timeoutMs: 20_000 }
  expect(await broken.parked.retry(place, by)).toEqual({ kind: 'done', settled: 0, remaining: 2 })
  expect((await broken.parked.list())[0]?.attempts).toBe(2)
  expect(await taken()).toEqual(['g'])
  await broken.close()

  const mended = await run(takeGoods({ mended: true }))
  expect(await mended.parked.retry(place, { ...by, note: 'mended' })).toEqual({
    kind: 'done',
    settled: 2,
    remaining: 0,
  })
  expect(await taken()).toEqual(['g', 'p', 'behind'])
})

test('a handler that does not end is broken off, and parks its stream alone', async () => {
  const { run, add, settled, told } = world
  const { react, ...rest } = takeGoods()
  const hanging: Reaction = {
    ...rest,
    react: (state, event, ctx) => {
      while ((event.data as { sku?: string }).sku === 'endless');
      return react(state, event, ctx)
    },
  }
  const reactions = await run(hanging, { handlerMs: 50 })
  await add('bad', 'h', 'endless', 1)
  await add('good', 'g', 'cup', 1)
  await settled(reactions)
  expect(await reactions.parked.list()).toMatchObject([
    { stream: 'cart/bad', reason: 'failed', message: 'The reaction failed: It did not end within 50 ms.' },
  ])
  expect((await told()).filter((one) => one.startsWith('taken'))).toHaveLength(1)
})

test('a parked event can be skipped, and what waits behind it goes on', async () => {
  const { run, add, settled, told } = world
  const reactions = await run()
  await add('bad', 'p', 'poison', 1)
  await add('bad', 'unwanted', 'cup', 1)
  await add('bad', 'behind', 'cup', 1)
  await settled(reactions)
  const skip = { reaction: 'take-goods', tenant: 'acme', stream: 'cart/bad', position: 1 }
  const by = { principal: 'ann', timeoutMs: 20_000 }
  // Behind one that nobody has decided about, it waits.
  expect(await reactions.parked.skip({ ...skip, position: 2 }, by)).toEqual({ kind: 'pending' })
  expect(await reactions.parked.skip(skip, by)).toEqual({ kind: 'done', settled: 3, remaining: 0 })
  expect((await told()).filter((one) => one.includes('reaction:'))).toEqual([
    'taken behind shelf/cup reaction:take-goods',
  ])
  expect(await reactions.parked.skip(skip, by)).toEqual({ kind: 'nothing' })
  expect(await reactions.parked.history()).toMatchObject([
    { principal: 'ann', wish: 'skip', stream: 'cart/bad', position: 1 },
    { position: 2 },
  ])
})

test('a command that the pipeline does not take parks its event with the reason', async () => {
  const { run, add } = world
  const forbidden: Reaction = { ...takeGoods(), name: 'nobody' }
  const reactions = await run(forbidden)
  await add('1', 'a', 'cup', 1)
  await until(
    () => reactions.parked.list(),
    (entries) => entries.length === 1,
  )
  expect(await reactions.parked.list({ reaction: 'nobody' })).toMatchObject([
    { reason: 'rejected', message: expect.stringContaining('is not allowed to reaction:nobody') },
  ])
})

test('an event of newer code stops the reaction before it, and is not parked', async () => {
  const { store, run, add, settled } = world
  const reactions = await run()
  await add('1', 'a', 'cup', 1)
  await settled(reactions)
  await store.append({
    tenant: 'acme',
    stream: 'cart/1',
    expected: 'any',
    principal: 'ann',
    device: null,
    command: null,
    occurredAt: new Date().toISOString(),
    events: [{ id: newId(), type: 'cart.added', schema: 2, data: {}, metadata: {} }],
  })
  const [lag] = await until(
    () => reactions.lag(),
    ([one]) => one?.blocked !== undefined,
  )
  expect(lag).toMatchObject({ parked: 0, blocked: { reason: 'newer-schema', position: 3 } })
})
