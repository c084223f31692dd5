import type { AppendAnswer, EventStore, PushedCommand, StoredEvent } from '@tidemark/core'
import { createMemoryStore } from '@tidemark/testing'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { beforeAppend, holdAppends, setUpPipeline } from '../fixtures/pipeline-world.ts'
import { ann, bob, laptop, newWallet, phone, pushed } from '../fixtures/push.ts'
import { walletDomain } from '../fixtures/wallet.ts'
import { createPipeline } from './create-pipeline.ts'

/** A wallet with a balance, a pipeline whose appends wait, and another node's that does not. */
async function setUp(balance: number) {
  const inner = createMemoryStore()
  const gate = holdAppends(inner)
  const world = setUpPipeline({ store: gate.store })
  const other = setUpPipeline({ store: inner })
  const stream = newWallet()
  await other.push(pushed(stream, 'deposit', { amount: balance }), bob, laptop)
  const held = (count: number) => vi.waitFor(() => expect(gate.held()).toBe(count))
  return { ...world, inner, gate, other, stream, held }
}

describe('appends of one stream', () => {
  test('are sent without waiting for each other, in order, and no more than 64 at a time', async () => {
    const { pushAll, stream, gate, held, events } = await setUp(1)
    const row = Array.from({ length: 100 }, (_, n) => pushed(stream, 'rename', { title: String(n) }))
    const answers = pushAll(row)
    await held(64)
    gate.release()
    expect(await answers).toEqual(row.map((_, n) => ({ kind: 'accepted', version: n + 2, token: '', rebased: false })))
    expect((await events(stream)).slice(1).map((event) => event.command)).toEqual(row.map((command) => command.id))
    expect(gate.asked()).toBe(100)
  })

  test('of several pushes share the way', async () => {
    const { push, stream, gate, held, events } = await setUp(1)
    const answers = Array.from({ length: 20 }, (_, n) =>
      push(pushed(stream, 'withdraw', { amount: 1 }), n % 2 ? ann : bob, n % 2 ? phone : laptop),
    )
    // One leaves nothing to withdraw, so the others are refused on its prediction, once it is stored.
    await held(1)
    gate.release()
    const kinds = (await Promise.all(answers)).map((answer) => answer.kind).sort()
    expect(kinds).toEqual(['accepted', ...Array.from({ length: 19 }, () => 'refused')])
    expect(await events(stream)).toHaveLength(2)
  })

  test('are judged again when another writer takes the version of the first, also where the second would fit', async () => {
    const { pushAll, stream, gate, held, other, types } = await setUp(10)
    const answers = pushAll([pushed(stream, 'deposit', { amount: 5 }), pushed(stream, 'withdraw', { amount: 15 })])
    await held(2)
    await other.push(pushed(stream, 'withdraw', { amount: 1 }), bob, laptop)
    gate.release()
    expect(await answers).toMatchObject([
      { kind: 'accepted', version: 3 },
      { kind: 'refused', params: { balance: 14 } },
    ])
    expect(await types(stream)).toEqual(['wallet.deposited', 'wallet.withdrawn', 'wallet.deposited'])
  })

  test('a conflict in the middle takes back what stands behind it, and no more', async () => {
    const inner = createMemoryStore()
    const other = setUpPipeline({ store: inner })
    const stream = newWallet()
    let asked = 0
    // Somebody else comes between the second and the third.
    const store: EventStore = {
      ...inner,
      append: async (request) => {
        asked++
        if (asked === 3) await other.push(pushed(stream, 'note', { text: '' }), bob, laptop)
        return inner.append(request)
      },
    }
    const row = Array.from({ length: 5 }, () => pushed(stream, 'deposit', { amount: 1 }))
    const { pushAll } = setUpPipeline({ store })
    expect(await pushAll(row)).toMatchObject([1, 2, 4, 5, 6].map((version) => ({ kind: 'accepted', version })))
    expect(asked).toBe(8)
    const [events = []] = await inner.readStreams([{ tenant: 'acme', stream, after: 3 }])
    expect(events.map((event) => event.command)).toEqual(row.slice(2).map((command) => command.id))
  })

  test('are not sent on a prediction that is known to have failed', async () => {
    const { pushAll, stream, gate, held, other } = await setUp(1)
    const answers = pushAll(Array.from({ length: 100 }, () => pushed(stream, 'deposit', { amount: 1 })))
    await held(64)
    await other.push(pushed(stream, 'note', { text: '' }), bob, laptop)
    gate.release()
    expect((await answers).every((answer) => answer.kind === 'accepted')).toBe(true)
    expect(gate.asked()).toBe(164)
  })

  test('the same commands on two nodes at once: each has one effect and one answer', async () => {
    const inner = createMemoryStore()
    const stream = newWallet()
    const row = Array.from({ length: 30 }, (_, n) =>
      pushed(stream, n % 3 === 0 ? 'deposit' : n % 3 === 1 ? 'note' : 'withdraw', { amount: 2, text: 'x' }),
    )
    const nodes = [setUpPipeline({ store: late(inner, 3) }), setUpPipeline({ store: late(inner, 5) })] as const
    const [one, two] = await Promise.all(nodes.map((node) => node.pushAll(row)))
    expect(one).toEqual(two)
    const [events = []] = await inner.readStreams([{ tenant: 'acme', stream, after: 0 }])
    expect(events.map((event) => event.command)).toEqual(row.map((command) => command.id))
  })

  test('one that throws concerns itself; those behind it are judged without it', async () => {
    const inner = createMemoryStore()
    const failing = pushed('wallet/a', 'deposit', { amount: 5 })
    const store: EventStore = {
      ...inner,
      append: (request) =>
        request.command?.id === failing.id ? Promise.reject(new Error('canary')) : inner.append(request),
    }
    const { pushAll } = setUpPipeline({ store })
    expect(
      await pushAll([
        pushed('wallet/a', 'deposit', { amount: 1 }),
        failing,
        pushed('wallet/a', 'withdraw', { amount: 2 }),
        pushed('wallet/a', 'deposit', { amount: 1 }),
      ]),
    ).toMatchObject([
      { kind: 'accepted', version: 1 },
      { kind: 'retry', reason: 'unavailable' },
      { kind: 'refused', params: { balance: 1 } },
      { kind: 'accepted', version: 2 },
    ])
  })
})

describe('an answer without events', () => {
  test('is not settled before the appends that it was predicted from are stored', async () => {
    const { pushAll, stream, gate, held, inner } = await setUp(5)
    const refused = pushed(stream, 'withdraw', { amount: 1 })
    const answers = pushAll([
      pushed(stream, 'withdraw', { amount: 5 }),
      refused,
      pushed(stream, 'deposit', { amount: 1 }),
    ])
    await held(2)
    expect(await inner.results('acme', 'ann', [refused.id])).toEqual(new Map())
    gate.release()
    expect(await answers).toMatchObject([
      { kind: 'accepted', version: 2 },
      { kind: 'refused', params: { balance: 0 } },
      { kind: 'accepted', version: 3 },
    ])
    expect((await inner.results('acme', 'ann', [refused.id])).get(refused.id)?.kind).toBe('refused')
  })

  test('is taken back with them: what was to be refused may hold on what is there', async () => {
    const { pushAll, stream, gate, held, other, events } = await setUp(5)
    const answers = pushAll([
      pushed(stream, 'withdraw', { amount: 5 }),
      pushed(stream, 'withdraw', { amount: 1 }),
      pushed(stream, 'deposit', { amount: 1 }),
    ])
    await held(2)
    await other.push(pushed(stream, 'deposit', { amount: 1 }), bob, laptop)
    gate.release()
    expect(await answers).toMatchObject([3, 4, 5].map((version) => ({ kind: 'accepted', version })))
    expect((await events(stream)).map((event) => event.type.slice(7))).toEqual([
      'deposited',
      'deposited',
      'withdrawn',
      'withdrawn',
      'deposited',
    ])
  })

  test('a conflict shows the events of others that were still under way when it came', async () => {
    const { push, stream, gate, held } = await setUp(5)
    const theirs = push(pushed(stream, 'deposit', { amount: 1 }), bob, laptop)
    await held(1)
    const mine = push(pushed(stream, 'rename', { title: 'mine' }, { base: { version: 1, after: null } }))
    // Nothing in here takes longer than a turn, so mine has been looked at by then.
    await new Promise(setImmediate)
    gate.release()
    expect(await theirs).toMatchObject({ kind: 'accepted', version: 2 })
    expect(await mine).toMatchObject({ kind: 'conflict', current: 2, theirs: [{ version: 2, principal: 'bob' }] })
  })
})

describe('a predecessor on the same stream', () => {
  const chainOf = (stream: string, commands: readonly (readonly [string, PushedCommand['input']])[]) => {
    const chain: PushedCommand[] = []
    for (const [type, input] of commands) {
      chain.push(pushed(stream, type, input, { base: { version: 1, after: chain.at(-1)?.id ?? null } }))
    }
    return chain
  }

  test('need not be answered first: the chain is sent as one', async () => {
    const { pushAll, stream, gate, held } = await setUp(5)
    const answers = pushAll(
      chainOf(
        stream,
        Array.from({ length: 10 }, () => ['deposit', { amount: 1 }] as const),
      ),
    )
    await held(10)
    gate.release()
    expect((await answers).map((answer) => answer.kind)).toEqual(Array.from({ length: 10 }, () => 'accepted'))
  })

  test.each([
    ['a command that reads state', 'deposit', { amount: 1 }],
    ['a commutative one', 'note', { text: 'x' }],
  ])('that is refused after all holds %s back', async (_, type, input) => {
    const { pushAll, stream, gate, held, other, types } = await setUp(5)
    const chain = chainOf(stream, [
      ['withdraw', { amount: 5 }],
      [type, input],
      [type, input],
    ])
    const answers = pushAll(chain)
    await held(3)
    await other.push(pushed(stream, 'withdraw', { amount: 1 }), bob, laptop)
    gate.release()
    expect(await answers).toMatchObject([
      { kind: 'refused', params: { balance: 4 } },
      { kind: 'retry', reason: 'predecessor' },
      { kind: 'retry', reason: 'predecessor' },
    ])
    expect(await types(stream)).toHaveLength(2)
  })

  test.each<['stored' | 'not stored', object]>([
    ['stored', { kind: 'accepted', version: 3 }],
    ['not stored', { kind: 'retry', reason: 'predecessor' }],
  ])('of unknown outcome that was %s', async (truth, answer) => {
    const inner = createMemoryStore()
    const [first, second] = chainOf('wallet/a', [
      ['note', { text: 'x' }],
      ['note', { text: 'y' }],
    ]) as [PushedCommand, PushedCommand]
    const lost: AppendAnswer = { kind: 'unavailable', retryAfterMs: 9, cause: 'connection lost' }
    const store: EventStore = {
      ...inner,
      append: async (request) => {
        if (request.command?.id !== first.id) return inner.append(request)
        if (truth === 'stored') await inner.append(request)
        return lost
      },
    }
    const { push, pushAll } = setUpPipeline({ store })
    await push(pushed('wallet/a', 'deposit', { amount: 1 }))
    expect(await pushAll([first, second])).toMatchObject([{ kind: 'retry', reason: 'unavailable' }, answer])
  })
})

describe('commutative commands', () => {
  test('are stored once and for all, however many others come in between', async () => {
    const inner = createMemoryStore()
    const other = setUpPipeline({ store: inner })
    const stream = newWallet()
    let asked = 0
    const store = beforeAppend(inner, async () => {
      if (++asked % 3 === 0) await other.push(pushed(stream, 'deposit', { amount: 1 }), bob, laptop)
    })
    const row = Array.from({ length: 10 }, (_, n) => pushed(stream, 'note', { text: String(n) }))
    const answers = await setUpPipeline({ store }).pushAll(row)
    expect(answers.map((answer) => answer.kind)).toEqual(row.map(() => 'accepted'))
    expect(asked).toBe(10)
    expect(await other.events(stream)).toHaveLength(13)
  })

  test('keep their place behind a command that conflicts', async () => {
    const { pushAll, stream, gate, held, other, events } = await setUp(1)
    const row = ['deposit', 'note', 'note', 'deposit'].map((type) => pushed(stream, type, { amount: 1, text: 'x' }))
    const answers = pushAll(row)
    await held(4)
    await other.push(pushed(stream, 'note', { text: '' }), bob, laptop)
    gate.release()
    expect(await answers).toMatchObject(row.map((_, n) => ({ kind: 'accepted', version: n + 3 })))
    expect((await events(stream)).slice(2).map((event) => event.command)).toEqual(row.map((command) => command.id))
  })
})

/** Appends take so many turns, each another number: they overtake each other. */
function late(inner: EventStore, seed: number, fail: (n: number) => boolean = () => false): EventStore {
  let n = 0
  return {
    ...inner,
    append: async (request) => {
      const mine = ++n
      for (let turn = (mine * seed) % 7; turn > 0; turn--) await Promise.resolve()
      if (!fail(mine)) return inner.append(request)
      if (mine % 2) await inner.append(request)
      return { kind: 'unavailable', retryAfterMs: 1, cause: 'the outcome is unknown' }
    },
  }
}

test('whatever overtakes, fails or comes in between: nothing is stored that its state forbids, nothing twice, nothing out of order', async () => {
  const command = fc.record({
    type: fc.constantFrom('deposit', 'withdraw', 'note', 'rename', 'withdraw'),
    amount: fc.integer({ min: 1, max: 4 }),
    stream: fc.constantFrom('wallet/a', 'wallet/b'),
    chained: fc.boolean(),
  })
  const pushes = fc.array(fc.array(command, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(
      pushes,
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 3, max: 40 }),
      async (plan, seed, every) => {
        const inner = createMemoryStore()
        const nodes = [seed, seed + 1].map((of) =>
          createPipeline({ domain: walletDomain, store: late(inner, of, (n) => n % every === 0) }),
        )
        const asked = plan.map((row, index) => {
          const commands: PushedCommand[] = []
          for (const { type, amount, stream, chained } of row) {
            const after = chained ? (commands.at(-1)?.id ?? null) : null
            const input = { amount, text: 'x', title: `t${amount}` }
            commands.push(pushed(stream, type, input, { base: { version: 0, after } }))
          }
          return { commands, node: nodes[index % 2], who: index % 3 ? ann : bob, device: index % 2 ? phone : laptop }
        })
        const answers = await Promise.all(
          asked.map(({ commands, node, who, device }) => node?.push(who, device, commands) ?? []),
        )
        const reads = ['wallet/a', 'wallet/b'].map((stream) => ({ tenant: 'acme', stream, after: 0 }))
        const events = (await inner.readStreams(reads)).flat()
        for (const { stream } of reads) expectSound(events.filter((event) => event.stream === stream))
        for (const [index, { commands, who }] of asked.entries()) {
          const results = await inner.results(
            'acme',
            who.id,
            commands.map(({ id }) => id),
          )
          // Commutative commands may overtake each other in a store that swaps them, but nothing else.
          const newest = new Map<string, number>()
          const newestChecked = new Map<string, number>()
          for (const [place, { id, answer }] of (answers[index] ?? []).entries()) {
            const { stream, base, type } = commands[place] as PushedCommand
            const stored = events.find((event) => event.command === id)
            const result = results.get(id)
            // What was told is what is stored; of an unknown outcome nothing is told.
            if (answer.kind === 'accepted') expect(result).toMatchObject({ kind: 'accepted', version: answer.version })
            if (answer.kind === 'refused') expect(result?.kind).toBe('refused')
            if (answer.kind === 'conflict' || answer.kind === 'invalid') expect(result).toBeUndefined()
            if (stored === undefined || answer.kind !== 'accepted') continue
            expect(stored.version).toBe(answer.version)
            const checked = type !== 'wallet.note'
            expect(stored.version).toBeGreaterThan((checked ? newest : newestChecked).get(stream) ?? 0)
            newest.set(stream, Math.max(newest.get(stream) ?? 0, stored.version))
            if (checked) newestChecked.set(stream, stored.version)
            if (base?.after) expect(results.get(base.after)?.kind).toBe('accepted')
          }
        }
      },
    ),
    { numRuns: 100 },
  )
}, 30_000)

function expectSound(events: readonly StoredEvent[]): void {
  let balance = 0
  for (const [index, { version, type, data }] of events.entries()) {
    expect(version).toBe(index + 1)
    const { amount = 0 } = data as { amount?: number }
    if (type === 'wallet.deposited') balance += amount
    if (type === 'wallet.withdrawn') balance -= amount
    expect(balance).toBeGreaterThanOrEqual(0)
  }
  const commands = events.flatMap((event) => event.command ?? [])
  expect(new Set(commands).size).toBe(commands.length)
}
