import type { EventStore, PushedCommand } from '@tidemark/core'
import { createMemoryStore } from '@tidemark/testing'
import { describe, expect, test } from 'vitest'
import { beforeAppend, setUpPipeline } from '../fixtures/pipeline-world.ts'
import { ann, bob, laptop, newId, newWallet, pushed } from '../fixtures/push.ts'
import { walletDomain } from '../fixtures/wallet.ts'
import { createPipeline } from './create-pipeline.ts'

describe('commands in a row', () => {
  test('of one stream are decided in turn, each on what the one before it left', async () => {
    const { pushAll, types } = setUpPipeline()
    const stream = newWallet()
    const answers = await pushAll([
      pushed(stream, 'withdraw', { amount: 1 }),
      pushed(stream, 'deposit', { amount: 5 }),
      pushed(stream, 'withdraw', { amount: 5 }),
      pushed(stream, 'withdraw', { amount: 1 }),
    ])
    expect(answers).toMatchObject([
      { kind: 'refused' },
      { version: 1 },
      { version: 2 },
      { kind: 'refused', params: { balance: 0 } },
    ])
    expect(await types(stream)).toEqual(['wallet.deposited', 'wallet.withdrawn'])
  })

  test('a chain decided offline is not made stale by itself', async () => {
    const { pushAll } = setUpPipeline()
    const stream = newWallet()
    const chain: PushedCommand[] = []
    for (let n = 0; n < 20; n++) {
      chain.push(
        pushed(stream, 'rename', { title: String(n) }, { base: { version: 0, after: chain.at(-1)?.id ?? null } }),
      )
    }
    expect(await pushAll(chain)).toEqual(
      chain.map((_, n) => ({ kind: 'accepted', version: n + 1, token: '', rebased: false })),
    )
  })

  test('what follows a command that was not accepted has to wait, on other streams too; the rest flows', async () => {
    const { pushAll } = setUpPipeline()
    const [a, b] = [newWallet(), newWallet()]
    const refused = pushed(a, 'withdraw', { amount: 1 })
    const follower = pushed(a, 'deposit', { amount: 1 }, { base: { version: 0, after: refused.id } })
    const farther = pushed(b, 'deposit', { amount: 1 }, { base: { version: 0, after: follower.id } })
    const answers = await pushAll([
      refused,
      follower,
      farther,
      pushed(a, 'deposit', { amount: 1 }),
      pushed(b, 'deposit', { amount: 1 }),
    ])
    expect(answers).toMatchObject([
      { kind: 'refused' },
      { kind: 'retry', reason: 'predecessor' },
      { kind: 'retry', reason: 'predecessor' },
      { kind: 'accepted', version: 1 },
      { kind: 'accepted', version: 1 },
    ])
  })

  test('keep their order on a stream, also behind one that waits for another stream', async () => {
    const { pushAll, events } = setUpPipeline()
    const [a, b] = [newWallet(), newWallet()]
    const first = pushed(a, 'split', { parts: 3 })
    await pushAll([
      first,
      pushed(b, 'rename', { title: 'one' }, { base: { version: 0, after: first.id } }),
      pushed(b, 'rename', { title: 'two' }),
    ])
    expect((await events(b)).map((event) => event.data)).toEqual([{ title: 'one' }, { title: 'two' }])
  })

  test('a predecessor may have been accepted in an earlier push; an unknown, a later or a foreign one was not', async () => {
    const { push, pushAll } = setUpPipeline()
    const stream = newWallet()
    const first = pushed(stream, 'deposit', { amount: 1 })
    const second = (after: string) => pushed(stream, 'deposit', { amount: 1 }, { base: { version: 0, after } })
    expect(await pushAll([second(first.id), first])).toMatchObject([{ reason: 'predecessor' }, { kind: 'accepted' }])
    expect(await push(second(first.id))).toMatchObject({ kind: 'accepted', version: 2 })
    expect(await push(second(newId()))).toMatchObject({ reason: 'predecessor' })
    expect(await push(second(first.id), bob)).toMatchObject({ reason: 'predecessor' })
    const circle = pushed(stream, 'deposit', { amount: 1 })
    expect(await push({ ...circle, base: { version: 0, after: circle.id } })).toMatchObject({ reason: 'malformed' })
  })

  test('chains that cross between streams, in pushes that meet, do not wait for each other', async () => {
    const { pushAll } = setUpPipeline()
    const [a, b] = [newWallet(), newWallet()]
    const crossing = (one: string, two: string): PushedCommand[] => {
      const chain: PushedCommand[] = []
      for (let n = 0; n < 20; n++) {
        chain.push(
          pushed(
            n % 2 ? one : two,
            'deposit',
            { amount: 1 },
            { base: { version: 0, after: chain.at(-1)?.id ?? null } },
          ),
        )
      }
      return chain
    }
    const answers = await Promise.all([pushAll(crossing(a, b)), pushAll(crossing(b, a), bob, laptop)])
    expect(answers.flat().every((answer) => answer.kind === 'accepted')).toBe(true)
  })
})

describe('others at the same time', () => {
  test('a writer that gets in between is seen: the command is decided again on what it left', async () => {
    const inner = createMemoryStore()
    let intruder: PushedCommand | undefined
    const other = createPipeline({ domain: walletDomain, store: inner })
    const store = beforeAppend(inner, async () => {
      const command = intruder
      intruder = undefined
      if (command !== undefined) await other.push(bob, laptop, [command])
    })
    const { push, pushAll } = setUpPipeline({ store })
    const stream = newWallet()
    await push(pushed(stream, 'deposit', { amount: 10 }))
    intruder = pushed(stream, 'withdraw', { amount: 10 })
    expect(await push(pushed(stream, 'withdraw', { amount: 10 }, { base: { version: 1, after: null } }))).toMatchObject(
      { kind: 'refused' },
    )
    intruder = pushed(stream, 'deposit', { amount: 1 })
    expect(await push(pushed(stream, 'rename', { title: 'x' }, { base: { version: 2, after: null } }))).toMatchObject({
      kind: 'conflict',
      theirs: [{ version: 3 }],
    })
    // As many events come in between as the first of the row would have written: the second must not take their place
    // for its predecessor's.
    intruder = pushed(stream, 'withdraw', { amount: 1 })
    expect(
      await pushAll([pushed(stream, 'deposit', { amount: 3 }), pushed(stream, 'withdraw', { amount: 4 })]),
    ).toMatchObject([
      { kind: 'accepted', version: 5 },
      { kind: 'refused', params: { balance: 3 } },
    ])
  })

  test('a stream that never comes to rest ends in contention, after a bounded number of tries', async () => {
    const inner = createMemoryStore()
    const other = createPipeline({ domain: walletDomain, store: inner })
    let tries = 0
    const store = beforeAppend(inner, async (stream) => {
      tries += 1
      await other.push(bob, laptop, [pushed(stream, 'note', { text: '' })])
    })
    const { push } = setUpPipeline({ store })
    expect(await push(pushed('wallet/a', 'deposit', { amount: 1 }))).toMatchObject({
      kind: 'retry',
      reason: 'contention',
    })
    expect(tries).toBe(8)
  })

  test('many pushes on one stream all land, contiguous', async () => {
    const { push, events } = setUpPipeline()
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) => push(pushed('wallet/a', 'deposit', { amount: 1 }), n % 2 ? ann : bob)),
    )
    expect(answers.every((answer) => answer.kind === 'accepted')).toBe(true)
    expect((await events('wallet/a')).map((event) => event.version)).toEqual(
      Array.from({ length: 100 }, (_, n) => n + 1),
    )
  })

  test('a cached state of another history is noticed', async () => {
    let store = createMemoryStore()
    const { push } = setUpPipeline({
      store: new Proxy({} as EventStore, { get: (_, name: keyof EventStore) => store[name] }),
    })
    await push(pushed('wallet/a', 'split', { parts: 3 }))
    store = createMemoryStore()
    expect(await push(pushed('wallet/a', 'withdraw', { amount: 1 }))).toMatchObject({
      kind: 'refused',
      params: { balance: 0 },
    })
    await setUpPipeline({ store }).push(pushed('wallet/a', 'split', { parts: 4 }))
    store = createMemoryStore()
    await setUpPipeline({ store }).push(pushed('wallet/a', 'split', { parts: 9 }))
    expect(await push(pushed('wallet/a', 'withdraw', { amount: 8 }))).toMatchObject({ kind: 'accepted', version: 10 })
  })
})

describe('a store in trouble', () => {
  test.each([
    ['overloaded', { kind: 'overloaded', retryAfterMs: 321 } as const],
    ['unavailable', { kind: 'unavailable', retryAfterMs: 321, cause: 'canary in a cause' } as const],
  ])('%s is passed on as retry, without its cause', async (reason, answer) => {
    const { push } = setUpPipeline({ store: { ...createMemoryStore(), append: async () => answer } })
    expect(await push(pushed('wallet/a', 'deposit', { amount: 1 }))).toEqual({ kind: 'retry', after: 321, reason })
  })

  test('an append that throws concerns its own command only', async () => {
    const inner = createMemoryStore()
    const store = beforeAppend(inner, async (stream) => {
      if (stream === 'wallet/bad') throw new Error('canary: select * from secrets')
    })
    const { pushAll, log } = setUpPipeline({ store })
    const answers = await pushAll([
      pushed('wallet/bad', 'deposit', { amount: 1 }),
      pushed('wallet/good', 'deposit', { amount: 1 }),
    ])
    expect(answers).toMatchObject([{ kind: 'retry', reason: 'unavailable' }, { kind: 'accepted' }])
    expect(JSON.stringify(answers) + log.text()).not.toContain('canary')
  })

  test('a read that throws makes every command of the push wait', async () => {
    const { pushAll } = setUpPipeline({
      store: { ...createMemoryStore(), results: () => Promise.reject(new Error('down')) },
    })
    const answers = await pushAll([pushed('wallet/a', 'deposit', { amount: 1 }), pushed('wallet/b', 'nope', {})])
    expect(answers).toMatchObject([
      { kind: 'retry', reason: 'unavailable' },
      { kind: 'retry', reason: 'unavailable' },
    ])
  })

  test('a stream that this code cannot read waits for code that can', async () => {
    const store = createMemoryStore()
    const event = { id: newId(), type: 'wallet.fromTheFuture', schema: 1, data: {}, metadata: {} }
    const { push, log } = setUpPipeline({ store })
    await store.append({
      tenant: 'acme',
      stream: 'wallet/a',
      expected: 0,
      principal: 'x',
      device: null,
      command: null,
      occurredAt: new Date().toISOString(),
      events: [event],
    })
    expect(await push(pushed('wallet/a', 'deposit', { amount: 1 }))).toMatchObject({
      kind: 'retry',
      reason: 'unavailable',
    })
    expect(log.text()).toContain('unknown-type')
  })

  test('where the rows are too far behind, commands are told when to come back, and nothing is stored', async () => {
    const sentAway: string[] = []
    const { push, store } = setUpPipeline({
      retryAfterMs: async (tenant) => {
        sentAway.push(tenant)
        return sentAway.length === 1 ? 4_000 : undefined
      },
    })
    const command = pushed(newWallet(), 'deposit', { amount: 1 })
    expect(await push(command)).toEqual({ kind: 'retry', after: 4_000, reason: 'overloaded' })
    expect(await store.head(0)).toBe(0)
    expect(await push(command)).toMatchObject({ kind: 'accepted' })
    expect(sentAway).toEqual(['acme', 'acme'])
  })

  test('more commands than may be in flight are told to come back', async () => {
    const { push, pushAll } = setUpPipeline({ maxInFlight: 3 })
    const [first, second] = await Promise.all([
      pushAll(Array.from({ length: 3 }, () => pushed(newWallet(), 'deposit', { amount: 1 }))),
      push(pushed(newWallet(), 'deposit', { amount: 1 })),
    ])
    expect(first.every((answer) => answer.kind === 'accepted')).toBe(true)
    expect(second).toMatchObject({ kind: 'retry', reason: 'overloaded' })
    expect(await push(pushed(newWallet(), 'deposit', { amount: 1 }))).toMatchObject({ kind: 'accepted' })
  })
})
