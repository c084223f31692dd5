import { createMemoryStore } from '@tidemark/testing'
import { newCommand, newEvent } from '@tidemark/testing/event-store-contract'
import { successorIn, type EventStore, type SplitAnswer, type StoredEvent } from '@tidemark/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { setUpPipeline } from '../fixtures/pipeline-world.ts'
import { ann, bob, laptop, newWallet, phone, pushed } from '../fixtures/push.ts'

async function split(
  store: EventStore,
  stream: string,
  successor: string,
  carried: number,
  author = { principal: 'splitter', device: null as string | null },
): Promise<SplitAnswer> {
  const [events = []] = await store.readStreams([{ tenant: 'acme', stream, after: 0 }])
  return store.splitStream({
    ...{ tenant: 'acme', stream, successor, expected: events.length, command: newCommand(), ...author },
    occurredAt: '2026-11-21T10:00:00.000Z',
    close: newEvent({ text: 'closed' }, 'wallet.noted'),
    open: [newEvent({ amount: carried }, 'wallet.deposited'), newEvent({ title: 'carried' }, 'wallet.renamed')],
  })
}

function balanceOf(events: readonly StoredEvent[]): number {
  return events.reduce((sum, { type, data }) => {
    const { amount = 0 } = data as { amount?: number }
    return sum + (type === 'wallet.deposited' ? amount : type === 'wallet.withdrawn' ? -amount : 0)
  }, 0)
}

const base = (version: number, after: string | null = null) => ({ base: { version, after } })

/** A wallet of 10, which Ann's phone has seen at version 1, split; another node's memory, and one that knows nothing. */
async function setUp() {
  const store = createMemoryStore()
  const warm = setUpPipeline({ store })
  const cold = setUpPipeline({ store })
  const [old, next, third] = [newWallet(), newWallet(), newWallet()]
  await warm.push(pushed(old, 'deposit', { amount: 10 }))
  expect(await split(store, old, next, 10)).toMatchObject({ kind: 'split' })
  return { ...warm, warm, cold, store, old, next, third }
}

describe('a stream that was split', () => {
  test.each(['warm', 'cold'] as const)('commands for it go to what it went on as: %s', async (which) => {
    const world = await setUp()
    const { old, next } = world
    const { push, types } = world[which]
    expect(await push(pushed(old, 'withdraw', { amount: 4 }, base(1)))).toEqual({
      ...{ kind: 'accepted', version: 3, token: '', rebased: false },
    })
    expect(await push(pushed(old, 'withdraw', { amount: 7 }))).toMatchObject({
      kind: 'refused',
      params: { balance: 6 },
    })
    expect(await push(pushed(old, 'note', { text: 'merged' }))).toMatchObject({ kind: 'accepted', version: 4 })
    expect(await push(pushed(next, 'deposit', { amount: 1 }))).toMatchObject({ kind: 'accepted', version: 5 })
    expect(await types(old)).toEqual(['wallet.deposited', 'wallet.noted'])
    expect((await types(next)).slice(2)).toEqual(['wallet.withdrawn', 'wallet.noted', 'wallet.deposited'])
  })

  test('a command asked again has its first result, whether the stream took it or what it went on as', async () => {
    const { store, push, pushAll, cold } = setUpPlain()
    const [old, next] = [newWallet(), newWallet()]
    const [before, after] = [pushed(old, 'deposit', { amount: 1 }), pushed(old, 'deposit', { amount: 2 })]
    await push(before)
    await split(store, old, next, 1)
    const [first] = await pushAll([after])
    expect(first).toMatchObject({ kind: 'accepted', version: 3 })
    for (const node of [pushAll, cold.pushAll]) {
      expect(await node([before, after])).toMatchObject([
        { kind: 'accepted', version: 1 },
        { kind: 'accepted', version: 3 },
      ])
    }
    const [events = []] = await store.readStreams([{ tenant: 'acme', stream: next, after: 2 }])
    expect(events.map((event) => event.command)).toEqual([after.id])
  })

  test('a row of commands keeps its order, behind predecessors too, while the split comes between', async () => {
    const inner = createMemoryStore()
    const [old, next] = [newWallet(), newWallet()]
    let appends = 0
    const store: EventStore = {
      ...inner,
      append: async (request) => {
        if (++appends === 3) await split(inner, old, next, 2)
        return inner.append(request)
      },
    }
    const { pushAll } = setUpPipeline({ store })
    const row = [pushed(old, 'deposit', { amount: 1 })]
    for (let n = 1; n < 8; n++) {
      const after = row.at(-1)?.id ?? null
      row.push(pushed(old, n % 3 === 0 ? 'note' : 'deposit', { amount: 1, text: 'x' }, base(0, after)))
    }
    const answers = await pushAll(row)
    expect(answers.map((answer) => answer.kind)).toEqual(row.map(() => 'accepted'))
    const [before = [], after = []] = await inner.readStreams(
      [old, next].map((stream) => ({ tenant: 'acme', stream, after: 0 })),
    )
    const commands = [...before, ...after].flatMap((event) =>
      row.some(({ id }) => id === event.command) ? [event.command] : [],
    )
    expect(commands).toEqual(row.map((command) => command.id))
    expect(before).toHaveLength(3)
  })

  test('the split itself makes nothing stale; what others wrote before or after it does', async () => {
    const { push, old, next, store, third } = await setUp()
    // Seen up to the split, or up to just before it: nobody wrote.
    expect(await push(pushed(old, 'rename', { title: 'a' }, base(1)))).toMatchObject({
      kind: 'accepted',
      rebased: false,
    })
    expect(await push(pushed(old, 'rename', { title: 'b' }, base(2)))).toMatchObject({
      kind: 'accepted',
      rebased: false,
    })
    // Bob writes after it: told as others' events, and the version to go on from fits the device's own counting.
    await push(pushed(next, 'rename', { title: 'bob' }), bob, laptop)
    const conflict = await push(pushed(old, 'rename', { title: 'c' }, base(2)))
    expect(conflict).toMatchObject({
      kind: 'conflict',
      current: 2 + 3,
      theirs: [{ type: 'wallet.renamed', principal: 'bob' }],
    })
    const current = conflict.kind === 'conflict' ? conflict.current : 0
    expect(await push(pushed(old, 'rename', { title: 'c' }, base(current)))).toMatchObject({ kind: 'accepted' })
    // Through two splits, with one of Bob's on the way and none since.
    await push(pushed(next, 'rename', { title: 'bob again' }), bob, laptop)
    expect(await split(store, next, third, 10)).toMatchObject({ kind: 'split' })
    expect(await push(pushed(old, 'rename', { title: 'd' }, base(current)))).toMatchObject({
      kind: 'conflict',
      theirs: [{ data: { title: 'bob again' } }],
    })
    expect(await push(pushed(old, 'deposit', { amount: 1 }, base(current)))).toMatchObject({
      kind: 'accepted',
      rebased: true,
    })
    await push(pushed(third, 'rename', { title: 'bob at last' }), bob, laptop)
    const last = await push(pushed(old, 'rename', { title: 'e' }, base(current)))
    expect(last).toMatchObject({ kind: 'conflict', theirs: [{}, { data: { title: 'bob at last' } }] })
    const seen = last.kind === 'conflict' ? last.current : 0
    expect(await push(pushed(old, 'rename', { title: 'e' }, base(seen)))).toMatchObject({ kind: 'accepted' })
    // Beyond all that is there: decided on events that this log does not have.
    expect(await push(pushed(old, 'rename', { title: 'f' }, base(seen + 9)))).toMatchObject({
      kind: 'retry',
      reason: 'predecessor',
    })
  })

  test('one who split it on the same device is not told of it as of somebody else', async () => {
    const { store, push } = setUpPlain()
    const [old, next] = [newWallet(), newWallet()]
    await push(pushed(old, 'deposit', { amount: 1 }))
    await push(pushed(old, 'rename', { title: 'bob' }), bob, laptop)
    await split(store, old, next, 1, { principal: ann.id, device: phone })
    expect(await push(pushed(old, 'rename', { title: 'x' }, base(1)))).toMatchObject({
      kind: 'conflict',
      theirs: [{ data: { title: 'bob' } }],
    })
    expect(await push(pushed(old, 'rename', { title: 'x' }, base(2)))).toMatchObject({ kind: 'accepted' })
  })

  test('split again and again under two nodes, it loses nothing, doubles nothing and is never overdrawn', async () => {
    const step = fc.record({
      kind: fc.constantFrom('deposit', 'withdraw', 'note', 'split'),
      amount: fc.integer({ min: 1, max: 4 }),
      node: fc.nat(1),
      target: fc.nat(3),
      together: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const store = createMemoryStore()
        const nodes = [setUpPipeline({ store }), setUpPipeline({ store })] as const
        const chain = [newWallet()]
        const sent: string[] = []
        const accepted: string[] = []
        let under: Promise<unknown>[] = []
        for (const { kind, amount, node, target, together } of steps) {
          const stream = chain[Math.min(target, chain.length - 1)] as string
          if (kind === 'split') {
            const last = chain.at(-1) as string
            const [events = []] = await store.readStreams([{ tenant: 'acme', stream: last, after: 0 }])
            if (events.length === 0) continue
            const next = newWallet()
            const answer = await split(store, last, next, Math.max(1, balanceOf(events)))
            if (answer.kind === 'split') chain.push(next)
          } else {
            const command = pushed(stream, kind, kind === 'note' ? { text: 'x' } : { amount })
            sent.push(command.id)
            const who = node === 0 ? ([ann, phone] as const) : ([bob, laptop] as const)
            const answering = (nodes[node] ?? nodes[0]).push(command, ...who).then((answer) => {
              expect(['accepted', 'refused']).toContain(answer.kind)
              if (answer.kind === 'accepted') accepted.push(command.id)
            })
            under.push(answering)
          }
          if (together) continue
          await Promise.all(under)
          under = []
        }
        await Promise.all(under)
        const read = await store.readStreams(chain.map((stream) => ({ tenant: 'acme', stream, after: 0 })))
        const stored = read.flat().flatMap(({ command }) => (sent.includes(command ?? '') ? [command] : []))
        expect(stored.toSorted()).toEqual(accepted.toSorted())
        for (const events of read) {
          for (let version = 1; version <= events.length; version++) {
            expect(balanceOf(events.slice(0, version))).toBeGreaterThanOrEqual(0)
          }
        }
        // All but the last are closed, and nothing stands behind the end.
        for (const events of read.slice(0, -1)) expect(events.findIndex(successorIn)).toBe(events.length - 1)
      }),
      { numRuns: 60 },
    )
  })

  test('what went on as another kind of thing takes no commands of this kind', async () => {
    const { store, push } = setUpPlain()
    const old = newWallet()
    await push(pushed(old, 'deposit', { amount: 1 }))
    await split(store, old, `gate/${old.slice(7)}`, 1)
    expect(await push(pushed(old, 'deposit', { amount: 1 }))).toEqual({
      ...{ kind: 'invalid', reason: 'unknown_stream' },
      issues: [{ path: '/stream', message: 'stream_closed' }],
    })
  })
})

function setUpPlain() {
  const store = createMemoryStore()
  return { ...setUpPipeline({ store }), store, cold: setUpPipeline({ store }) }
}
