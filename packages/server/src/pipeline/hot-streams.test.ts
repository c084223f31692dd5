import type { EventStore } from '@tidemark/core'
import { createMemoryStore } from '@tidemark/testing'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { setUpPipeline } from '../fixtures/pipeline-world.ts'
import { ann, bob, laptop, newWallet, phone, pushed } from '../fixtures/push.ts'

/** A node whose stream reads are counted, and another one on the same store. */
function setUp(inner: EventStore = createMemoryStore()) {
  const counts = { reads: 0, appends: 0 }
  const store: EventStore = {
    ...inner,
    readStreams: (reads) => {
      counts.reads += reads.length
      return inner.readStreams(reads)
    },
    append: (request) => {
      counts.appends++
      return inner.append(request)
    },
  }
  return { ...setUpPipeline({ store }), other: setUpPipeline({ store: inner }), counts, inner, stream: newWallet() }
}

test('a stream that is in memory is not read again for commands that append', async () => {
  const { push, counts, stream } = setUp()
  await push(pushed(stream, 'deposit', { amount: 5 }))
  expect(counts.reads).toBe(1)
  for (let n = 0; n < 20; n++)
    expect(await push(pushed(stream, 'rename', { title: `${n}` }))).toMatchObject({ version: n + 2 })
  expect(counts).toEqual({ reads: 1, appends: 21 })
})

test('what another node wrote is noticed: the append conflicts, and the command is judged on what is there', async () => {
  const { push, other, counts, stream, types } = setUp()
  await push(pushed(stream, 'deposit', { amount: 5 }))
  await other.push(pushed(stream, 'withdraw', { amount: 4 }), bob, laptop)
  expect(await push(pushed(stream, 'withdraw', { amount: 3 }))).toMatchObject({
    kind: 'refused',
    params: { balance: 1 },
  })
  expect(counts).toEqual({ reads: 2, appends: 2 })
  expect(await types(stream)).toEqual(['wallet.deposited', 'wallet.withdrawn'])
})

test('nothing is refused, and nothing called unchanged, on the word of memory alone', async () => {
  const { push, other, stream } = setUp()
  await push(pushed(stream, 'deposit', { amount: 5 }))
  await push(pushed(stream, 'rename', { title: 'old' }))
  await other.push(pushed(stream, 'deposit', { amount: 5 }), bob, laptop)
  await other.push(pushed(stream, 'rename', { title: 'new' }), bob, laptop)
  // Memory would refuse this, say of the second that nothing changes, and send the third away to wait for its base.
  expect(await push(pushed(stream, 'withdraw', { amount: 10 }))).toMatchObject({ kind: 'accepted', version: 5 })
  await other.push(pushed(stream, 'rename', { title: 'other' }), bob, laptop)
  expect(await push(pushed(stream, 'rename', { title: 'new' }))).toMatchObject({ kind: 'accepted', version: 7 })
  await other.push(pushed(stream, 'deposit', { amount: 5 }), bob, laptop)
  const based = { base: { version: 8, after: null } }
  expect(await push(pushed(stream, 'withdraw', { amount: 5 }, based))).toMatchObject({ kind: 'accepted', version: 9 })
})

test('a stream that others write to is read first for a while, then trusted again', async () => {
  const { push, other, counts, stream } = setUp()
  const deposit = () => push(pushed(stream, 'deposit', { amount: 1 }))
  await deposit()
  await other.push(pushed(stream, 'deposit', { amount: 1 }), bob, laptop)
  await deposit()
  expect(counts).toEqual({ reads: 2, appends: 3 })
  // While it is not trusted, no append is sent in vain.
  await other.push(pushed(stream, 'deposit', { amount: 1 }), bob, laptop)
  await deposit()
  expect(counts).toEqual({ reads: 3, appends: 4 })
  for (let n = 0; n < 20; n++) await deposit()
  expect(counts).toEqual({ reads: 3 + 8, appends: 24 })
})

test('a log that was put back under a running server is noticed, also at a version that memory knows', async () => {
  const [now, restored] = [createMemoryStore(), createMemoryStore()]
  let current = now
  const bound = <K extends 'append' | 'readStreams' | 'results' | 'settle'>(name: K): EventStore[K] =>
    ((...given: never[]) => (current[name] as (...all: never[]) => unknown)(...given)) as EventStore[K]
  const store: EventStore = {
    ...now,
    append: bound('append'),
    readStreams: bound('readStreams'),
    results: bound('results'),
    settle: bound('settle'),
  }
  const { push } = setUpPipeline({ store })
  const stream = newWallet()
  await push(pushed(stream, 'deposit', { amount: 50 }))
  // The log that is there now has another event at the same version: less was paid in.
  await setUpPipeline({ store: restored }).push(pushed(stream, 'deposit', { amount: 5 }), bob, laptop)
  current = restored
  expect(await push(pushed(stream, 'withdraw', { amount: 20 }))).toMatchObject({
    kind: 'refused',
    params: { balance: 5 },
  })
})

test('two nodes that remember what they like never overdraw, lose or double anything', async () => {
  const step = fc.record({
    node: fc.nat(1),
    kind: fc.constantFrom('deposit', 'withdraw', 'note'),
    amount: fc.integer({ min: 1, max: 5 }),
    together: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const inner = createMemoryStore()
      const nodes = [setUpPipeline({ store: inner }), setUpPipeline({ store: inner })] as const
      const stream = newWallet()
      const row = steps.map(({ kind, amount }) => pushed(stream, kind, kind === 'note' ? { text: 'x' } : { amount }))
      let under: Promise<{ readonly kind: string }>[] = []
      const kinds: string[] = []
      for (const [index, { node, together }] of steps.entries()) {
        under.push(
          (nodes[node] ?? nodes[0]).push(row[index] as (typeof row)[number], node ? bob : ann, node ? laptop : phone),
        )
        if (together) continue
        kinds.push(...(await Promise.all(under)).map((answer) => answer.kind))
        under = []
      }
      kinds.push(...(await Promise.all(under)).map((answer) => answer.kind))
      for (const kind of kinds) expect(['accepted', 'refused']).toContain(kind)
      const [events = []] = await inner.readStreams([{ tenant: 'acme', stream, after: 0 }])
      const accepted = row.filter((_, index) => kinds[index] === 'accepted').map((command) => command.id)
      expect(new Set(events.map((event) => event.command))).toEqual(new Set(accepted))
      expect(events).toHaveLength(accepted.length)
      let balance = 0
      for (const { type, data } of events) {
        const { amount = 0 } = data as { amount?: number }
        balance += type === 'wallet.deposited' ? amount : type === 'wallet.withdrawn' ? -amount : 0
        expect(balance).toBeGreaterThanOrEqual(0)
      }
    }),
    { numRuns: 60 },
  )
})
