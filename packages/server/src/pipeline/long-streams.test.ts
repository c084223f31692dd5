import type { EventStore, NewEvent, StoredEvent } from '@tidemark/core'
import { createAggregateLoader, type Snapshot, type Snapshots } from '@tidemark/store'
import { createMemoryStore } from '@tidemark/testing'
import { newAppend, newCommand, newEvent } from '@tidemark/testing/event-store-contract'
import { describe, expect, test } from 'vitest'
import { setUpPipeline } from '../fixtures/pipeline-world.ts'
import { ann, bob, laptop, newWallet, phone, pushed } from '../fixtures/push.ts'
import { walletDomain } from '../fixtures/wallet.ts'

function createSnapshots(): Snapshots {
  const kept = new Map<string, Snapshot>()
  return {
    read: async (tenant, stream) => kept.get(`${tenant} ${stream}`),
    async save(snapshot) {
      const state = JSON.parse(JSON.stringify(snapshot.state)) as Snapshot['state']
      kept.set(`${snapshot.tenant} ${snapshot.stream}`, { ...snapshot, state, takenAt: new Date().toISOString() })
      return { kind: 'saved' }
    },
    discard: async ({ tenant, stream }) => void kept.delete(`${tenant} ${stream}`),
  }
}

/** A node that counts the events it reads, with a loader or without. */
function createNode(inner: EventStore, snapshots: Snapshots | undefined) {
  const counts = { events: 0 }
  const counted = <T extends { readonly length: number }>(events: T): T => {
    counts.events += events.length
    return events
  }
  const store: EventStore = {
    ...inner,
    readStreams: async (reads) =>
      (await inner.readStreams(reads)).map((events) => counted<readonly StoredEvent[]>(events)),
    readStreamPage: async (read) => {
      const page = await inner.readStreamPage(read)
      counted(page.events)
      return page
    },
  }
  const loader = snapshots && createAggregateLoader({ store, domain: walletDomain, snapshots })
  return { ...setUpPipeline({ store, ...(loader && { loader }) }), counts, loader }
}

const deposits = (count: number): NewEvent[] =>
  Array.from({ length: count }, () => newEvent({ amount: 1 }, 'wallet.deposited'))
const base = (version: number) => ({ base: { version, after: null } })

/** A wallet of 3,000 events: Bob's, one of Ann's laptop at 2,001, and Ann's phone's. */
async function setUp(kind: 'by snapshot' | 'whole') {
  const store = createMemoryStore()
  const stream = newWallet()
  const append = (count: number, principal: string, device: string) =>
    store.append(newAppend({ stream, principal, device, events: deposits(count) }))
  for (let n = 0; n < 2; n++) await append(1_000, bob.id, laptop)
  await append(1, ann.id, laptop)
  await append(999, ann.id, phone)
  const snapshots = kind === 'whole' ? undefined : createSnapshots()
  if (snapshots !== undefined) await createNode(store, snapshots).loader?.snapshot('acme', stream)
  return { ...createNode(store, snapshots), stream, snapshots }
}

describe.each(['by snapshot', 'whole'] as const)('a long stream, loaded %s', (kind) => {
  test('is decided on all of its events', async () => {
    const { push, stream, counts } = await setUp(kind)
    expect(await push(pushed(stream, 'withdraw', { amount: 3_001 }))).toMatchObject({
      kind: 'refused',
      params: { balance: 3_000 },
    })
    if (kind === 'by snapshot') expect(counts.events).toBeLessThan(1_000)
    expect(await push(pushed(stream, 'withdraw', { amount: 3_000 }))).toMatchObject({
      kind: 'accepted',
      version: 3_001,
    })
  })

  test('tells stale commands from others, however old they are', async () => {
    const { push, stream } = await setUp(kind)
    // Behind all that is remembered there are Ann's own events, then her laptop's, then Bob's.
    expect(await push(pushed(stream, 'deposit', { amount: 1 }, base(2_500)))).toMatchObject({ rebased: false })
    expect(await push(pushed(stream, 'rename', { title: 'a' }, base(2_001)))).toMatchObject({
      kind: 'accepted',
      rebased: false,
    })
    expect(await push(pushed(stream, 'deposit', { amount: 1 }, base(2_000)))).toMatchObject({ rebased: true })
    expect(await push(pushed(stream, 'rename', { title: 'b' }, base(1_999)))).toMatchObject({
      kind: 'conflict',
      theirs: [
        { version: 2_000, principal: 'bob' },
        { version: 2_001, principal: 'ann' },
      ],
    })
  })

  test('that was split goes on as another, and what was unseen of it counts', async () => {
    const { push, stream, store, snapshots } = await setUp(kind)
    const next = newWallet()
    const author = { tenant: 'acme', principal: 'splitter', device: null, occurredAt: '2026-11-21T10:00:00.000Z' }
    await store.splitStream({
      ...{ ...author, stream, successor: next, expected: 3_000, command: newCommand() },
      close: newEvent({ text: 'closed' }, 'wallet.noted'),
      open: [newEvent({ amount: 3_000 }, 'wallet.deposited')],
    })
    const cold = createNode(store, snapshots)
    for (const node of [{ push }, cold]) {
      expect(await node.push(pushed(stream, 'rename', { title: 'x' }, base(2_500)))).toMatchObject({
        kind: 'accepted',
        rebased: false,
      })
      expect(await node.push(pushed(stream, 'rename', { title: 'y' }, base(2_000)))).toMatchObject({
        kind: 'conflict',
        theirs: [{ version: 2_001 }],
      })
    }
    // Its successor grows long too. What a conflict gives as the next base still counts from the stream's end.
    await store.append(newAppend({ stream: next, principal: ann.id, device: phone, events: deposits(600) }))
    await cold.push(pushed(next, 'note', { text: 'bob' }), bob, laptop)
    await createNode(store, snapshots).loader?.snapshot('acme', next)
    const conflict = await createNode(store, snapshots).push(pushed(stream, 'rename', { title: 'z' }, base(3_001)))
    const version = (await store.readStreamPage({ tenant: 'acme', stream: next, direction: 'backwards', limit: 1 }))
      .events[0]?.version
    expect(conflict).toMatchObject({
      kind: 'conflict',
      current: 3_001 + (version ?? 0) - 1,
      theirs: [{ type: 'wallet.noted' }],
    })
  })

  test('that this code cannot read far from its beginning is answered with when to come back', async () => {
    const { store, stream, snapshots } = await setUp(kind)
    await store.append(newAppend({ stream, events: [newEvent({}, 'wallet.exploded')] }))
    const { push, log } = createNode(store, snapshots)
    expect(await push(pushed(stream, 'deposit', { amount: 1 }))).toMatchObject({ kind: 'retry', reason: 'unavailable' })
    expect(log.text()).toContain('unknown-type')
  })
})
