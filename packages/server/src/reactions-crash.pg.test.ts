import type { PushAnswer } from '@tidemark/core'
import { openReactions } from '@tidemark/projections'
import type { Driver } from '@tidemark/store'
import { startProcess } from '@tidemark/testing/process'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createReactionWorld, until, type ReactionWorld } from './fixtures/reaction-world.ts'
import { shopDomain, takeGoods } from './fixtures/shop.ts'

let world: ReactionWorld
beforeEach(async () => {
  world = await createReactionWorld()
})
afterEach(() => world.close())

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
  const { store, pipeline, open, run, say, add, settled, log } = world
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
  const { store, run, add, settled, log } = world
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
  const { store, open, run, add, settled, log } = world
  await open()
  const lines = Array.from({ length: 400 }, (_, n) => `l${n}`)
  await Promise.all(lines.map((line, n) => add(`c${n % 20}`, line, `sku${n % 50}`, 1)))
  const sql = store.sql()
  const answered = async (): Promise<number> =>
    (await sql.query("select from tidemark.events where principal = 'reaction:take-goods'")).length
  for (const enough of [40, 220]) {
    const { child, ended } = startProcess(new URL('fixtures/reaction-process.ts', import.meta.url), world.databaseUrl)
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
