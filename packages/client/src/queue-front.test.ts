import { Dexie } from 'dexie'
import { IDBFactory, IDBIndex, IDBKeyRange } from 'fake-indexeddb'
import * as fc from 'fast-check'
import { afterEach, expect, test, vi } from 'vitest'
import { WIRE_LIMITS } from '@tidemark/core'
import type { Change } from './change.ts'
import type { Tables } from './database.ts'
import { createQueueFront, type QueueFront } from './queue-front.ts'
import { planPush } from './push-plan.ts'
import { NOTHING_SENDING, type Sending } from './queue.ts'
import type { PendingRecord } from './records.ts'

const LIMITS = { commands: 3, bytes: WIRE_LIMITS.bodyBytes }

afterEach(() => {
  vi.restoreAllMocks()
})

function command(seq: number, stream: string): PendingRecord {
  return {
    id: `c${String(seq).padStart(5, '0')}`,
    seq,
    type: 'order.addLine',
    schema: 1,
    stream,
    input: { sku: 'cup' },
    occurredAt: '2026-01-01T00:00:00.000Z',
    base: { version: 1, after: null },
    prediction: { kind: 'events', events: [] },
    believed: [],
    seen: null,
    answer: null,
    attention: null,
    attempts: 0,
  }
}

interface Storage {
  readonly pending: Tables['pending']
  readonly front: QueueFront
  /** Stores a change and tells of it, as the replica does. */
  change(change: Partial<Pick<Change, 'put' | 'dropped' | 'attentionDropped'>>): Promise<void>
  /** What the front picks next. */
  next(sending?: Sending): Promise<readonly PendingRecord[]>
}

function openStorage(): Storage {
  const db = new Dexie('queue', { indexedDB: new IDBFactory(), IDBKeyRange, cache: 'disabled' })
  db.version(1).stores({ pending: 'id, seq' })
  const pending: Tables['pending'] = db.table('pending')
  let tell: (change: Change | null) => void = () => undefined
  const versions = { rows: 0, work: 0 }
  const front = createQueueFront({
    onFollow: (listener) => {
      tell = listener
    },
    mirror: { versions },
  })
  return {
    pending,
    front,
    change: async ({ put = [], dropped = [], attentionDropped = [] }) => {
      await pending.bulkPut([...put])
      await pending.bulkDelete([...dropped])
      versions.work += 1
      tell({
        versions: { ...versions },
        moved: { rows: 0, work: 1 },
        put,
        added: 0,
        dropped,
        attentionPut: [],
        attentionDropped,
        rows: [],
        everything: false,
      })
    },
    next: async (sending = NOTHING_SENDING) => {
      if (front.isIdle(sending)) return []
      const looked = front.look(sending, 0, LIMITS)
      const batch = [...(await looked.read({ pending }))]
      looked.keep({ ...versions })
      return batch
    },
  }
}

const step = fc.record({
  kind: fc.constantFrom('add', 'add', 'add', 'accept', 'refuse', 'aside', 'release', 'drop', 'ask-again', 'hold'),
  which: fc.nat(30),
  stream: fc.constantFrom('order/1', 'order/2', 'order/3'),
})

test('what is found from the front on is what the whole queue gives, whatever has happened to it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { pending, change, next } = openStorage()
      let seq = 0
      for (const { kind, which, stream } of steps) {
        const all = await pending.orderBy('seq').toArray()
        const one = all[which % Math.max(1, all.length)]
        let sending: Sending = NOTHING_SENDING
        if (kind === 'add') await change({ put: [command(++seq, stream)] })
        else if (kind === 'hold')
          sending = { ...sending, holds: new Map([[stream, { until: 1, reason: 'overloaded' }]]) }
        else if (one !== undefined) {
          if (kind === 'accept') await change({ put: [{ ...one, answer: 'accepted' }] })
          if (kind === 'refuse') await change({ put: [{ ...one, answer: 'refused' }] })
          if (kind === 'aside') await change({ put: [{ ...one, attention: `attention:${one.id}` }] })
          if (kind === 'ask-again') await change({ put: [{ ...one, answer: null }] })
          if (kind === 'drop')
            await change({ dropped: [one.id], attentionDropped: one.attention === null ? [] : [one.attention] })
          if (kind === 'release' && one.attention !== null)
            await change({ put: [{ ...one, attention: null, answer: null }], attentionDropped: [one.attention] })
        }
        const whole = await pending.orderBy('seq').toArray()
        expect(await next(sending)).toEqual(planPush(whole, sending, 0, LIMITS))
      }
    }),
    { numRuns: 100 },
  )
})

test('commands behind one that waits for a person are read once, not for every push', async () => {
  const { change, next } = openStorage()
  const stuck = Array.from({ length: 600 }, (_, n) => command(n + 1, 'order/stuck'))
  await change({ put: [{ ...(stuck[0] as PendingRecord), attention: 'a1' }, ...stuck.slice(1)] })
  await change({ put: Array.from({ length: 6 }, (_, n) => command(1_000 + n, `order/${n}`)) })
  const read = vi.spyOn(IDBIndex.prototype, 'getAll')
  const first = await next()
  expect(first.map((each) => each.seq)).toEqual([1_000, 1_001, 1_002])
  expect(read.mock.calls.length).toBeGreaterThan(2)
  read.mockClear()
  await change({ put: first.map((each) => ({ ...each, answer: 'accepted' as const })) })
  expect((await next()).map((each) => each.seq)).toEqual([1_003, 1_004, 1_005])
  expect(read).toHaveBeenCalledTimes(1)
})

test('what the server took and nobody has stored is looked at again by a tab that leads anew', async () => {
  const { change, next } = openStorage()
  await change({ put: [command(1, 'order/1'), command(2, 'order/2')] })
  const accepted = { ...NOTHING_SENDING, accepted: new Set(['c00001']) }
  expect((await next(accepted)).map((each) => each.seq)).toEqual([2])
  await change({ put: [{ ...command(2, 'order/2'), answer: 'accepted' }] })
  expect(await next(accepted)).toEqual([])
  expect((await next(NOTHING_SENDING)).map((each) => each.seq)).toEqual([1])
})
