import type { JsonObject, NewEvent, Principal, PushAnswer, Reaction, StoredEvent } from '@tidemark/core'
import { openReactions, type Reactions, type ReactionsOptions } from '@tidemark/projections'
import { openStore, type Driver, type PostgresStore } from '@tidemark/store'
import { testDatabase } from '@tidemark/testing/postgres'
import { startProcess } from '@tidemark/testing/process'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ann, createLogBook, newId, phone, pushed } from './fixtures/push.ts'
import { shopDomain, takeGoods } from './fixtures/shop.ts'
import { createPipeline, type Pipeline } from './pipeline/create-pipeline.ts'

let database: Awaited<ReturnType<typeof testDatabase>>
let store: PostgresStore
let pipeline: Pipeline
let opened: Reactions[]

beforeEach(async () => {
  database = await testDatabase()
  store = await openStore({ url: database.url })
  pipeline = createPipeline({ domain: shopDomain, store, logger: createLogBook() })
  opened = []
})
afterEach(async () => {
  await Promise.all(opened.map((reactions) => reactions.close()))
  await store.close()
  await database.drop()
})

async function open(of: Reaction = takeGoods(), options: Partial<ReactionsOptions> = {}): Promise<Reactions> {
  const reactions = await openReactions({
    store,
    domain: shopDomain,
    reactions: [of],
    push: pipeline.push,
    pollMs: 20,
    ...options,
  })
  opened.push(reactions)
  return reactions
}

async function run(of?: Reaction, options?: Partial<ReactionsOptions>): Promise<Reactions> {
  const reactions = await open(of, options)
  reactions.start()
  return reactions
}

async function say(stream: string, type: string, input: object, principal: Principal = ann): Promise<PushAnswer> {
  const [answer] = await pipeline.push(principal, phone, [pushed(stream, type, input as never)])
  if (answer === undefined) throw new Error('no answer')
  return answer.answer
}

const add = (cart: string, line: string, sku: string, pieces: number, principal?: Principal): Promise<PushAnswer> =>
  say(`cart/${cart}`, 'cart.add', { line, sku, pieces }, principal)

/** Resolves when the reaction is at the end of the log, which does not grow meanwhile. */
async function settled(reactions: Reactions): Promise<void> {
  for (;;) {
    const head = await store.head(0)
    const reached = await reactions.waitFor('take-goods', { lane: 0, position: head }, 20_000)
    if (reached.kind !== 'reached') throw new Error(JSON.stringify(await reactions.lag()))
    if (head === (await store.head(0))) return
  }
}

const log = (): Promise<readonly StoredEvent[]> => store.readLane({ lane: 0, after: 0, limit: 10_000 })

/** The log as short words, in order. */
const told = async (): Promise<readonly string[]> =>
  (await log()).map(({ type, stream, principal, data }) => {
    const { line } = data as { line: string }
    return `${type.split('.')[1] ?? ''} ${line} ${stream} ${principal}`
  })

async function until<T>(read: () => Promise<T>, holds: (value: T) => boolean, ms = 15_000): Promise<T> {
  const end = performance.now() + ms
  for (;;) {
    const value = await read()
    if (holds(value)) return value
    if (performance.now() > end) throw new Error(`Still not so: ${JSON.stringify(value)}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

test('an event leads to its commands, and a refusal to the follow-up that was declared for it', async () => {
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
  expect(await say('shelf/cup', 'shelf.take', { line: 'a', pieces: 1 })).toEqual({ kind: 'forbidden' })
})

test('a new reaction leaves alone what was there before it, unless told to begin at the beginning', async () => {
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

/** What ends at some call, before or after it has its effect, and answers nothing any more. */
function mortal(
  calls: number,
  afterEffect: boolean,
): { mayDie(): void; died: Promise<void>; call<T>(work: () => Promise<T>): Promise<T> } {
  let left = Number.POSITIVE_INFINITY
  let die: () => void = () => {}
  const died = new Promise<void>((resolve) => {
    die = resolve
  })
  return {
    died,
    mayDie: () => {
      left = calls
    },
    call: async (work) => {
      left -= 1
      if (left > 0) return work()
      if (left === 0 && afterEffect) await work()
      die()
      return new Promise<never>(() => {})
    },
  }
}

test('killed at any point, any number of times: each event is answered once', async () => {
  // A seed that fails is printed by the assertion.
  let seed = Math.floor(Math.random() * 2 ** 31)
  const first = seed
  const pick = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff
    return Math.floor((seed / 0x80000000) * below)
  }
  await open()
  const adding: Promise<PushAnswer>[] = []
  for (let n = 0; n < 60; n++) adding.push(add(`c${pick(8)}`, `l${n}`, `sku${pick(4)}`, 1 + pick(4)))
  await Promise.all(adding)
  for (let n = 0; n < 60; n += 1 + pick(4)) {
    const cart = (await log()).find(({ data }) => (data as { line: string }).line === `l${n}`)?.stream ?? ''
    await say(cart, 'cart.drop', { line: `l${n}` })
  }
  const sql = store.sql()
  for (let kill = 0; kill < 12; kill++) {
    const life = mortal(1 + pick(60), pick(2) === 0)
    const driver: Driver = { ...sql, query: (...query) => life.call(() => sql.query(...query)) }
    const reactions = await openReactions({
      store: {
        ...store,
        sql: () => driver,
        head: (lane) => life.call(() => store.head(lane)),
        readLane: (read) => life.call(() => store.readLane(read)),
        readStreams: (reads) => life.call(() => store.readStreams(reads)),
      },
      domain: shopDomain,
      reactions: [takeGoods()],
      push: (...command) => life.call(() => pipeline.push(...command)),
      pollMs: 5,
      batch: 1 + pick(10),
    })
    life.mayDie()
    reactions.start()
    await life.died
    await sql.query("update tidemark.leases set expires_at = '-infinity'")
  }
  await settled(await run())

  const events = await log()
  const why = `seed ${first}`
  const count = (type: string, line: string): number =>
    events.filter((event) => event.type === type && (event.data as { line: string }).line === line).length
  for (const { type, data } of events) {
    const { line } = data as { line: string }
    if (type === 'cart.added') expect(count('shelf.taken', line) + count('cart.markedShort', line), why).toBe(1)
    if (type === 'cart.dropped') expect(count('shelf.back', line), why).toBe(1)
  }
  expect((await sql.query('select 1 from tidemark.parked_reactions')).length, why).toBe(0)
})

test('two processes that take the work from each other all the time answer each event once', async () => {
  const one = await run(undefined, { batch: 3 })
  await run(undefined, { batch: 3 })
  const sql = store.sql()
  for (let n = 0; n < 40; n++) {
    await add(`c${n % 5}`, `l${n}`, `sku${n % 3}`, 1)
    await sql.query("update tidemark.leases set expires_at = '-infinity', holder = '' where consumer like 'reaction:%'")
  }
  await settled(one)
  const answers = (await log()).filter(({ principal }) => principal === 'reaction:take-goods')
  expect(answers.map(({ data }) => (data as { line: string }).line).toSorted()).toEqual(
    Array.from({ length: 40 }, (_, n) => `l${n}`).toSorted(),
  )
})

test('processes that are killed with -9 in the middle of it lose nothing and do nothing twice', async () => {
  await open()
  const lines = Array.from({ length: 400 }, (_, n) => `l${n}`)
  await Promise.all(lines.map((line, n) => add(`c${n % 20}`, line, `sku${n % 50}`, 1)))
  const sql = store.sql()
  const answered = async (): Promise<number> =>
    (await sql.query("select from tidemark.events where principal = 'reaction:take-goods'")).length
  for (const enough of [40, 220]) {
    const { child, ended } = startProcess(new URL('fixtures/reaction-process.ts', import.meta.url), database.url)
    try {
      await until(answered, (count) => count >= enough, 50_000)
    } finally {
      child.kill('SIGKILL')
      await ended
    }
    // Else the next would only take over when it has expired.
    await sql.query("update tidemark.leases set expires_at = '-infinity'")
  }
  await settled(await run())
  const answers = (await log()).filter(({ principal }) => principal === 'reaction:take-goods')
  expect(answers.map(({ data }) => (data as { line: string }).line).toSorted()).toEqual(lines.toSorted())
}, 120_000)
