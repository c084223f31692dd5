import { PROTOCOL_VERSION, query, queryReply, stateReply, type QueryReply, type StateReply } from '@tidemark/core'
import { sqlProjection } from '@tidemark/projections'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import * as z from 'zod'
import { ann, bob, eve, newWallet, pushed } from '../fixtures/push.ts'
import { Wallet } from '../fixtures/wallet.ts'
import { createWorld, type Device, type World } from '../fixtures/world.ts'
import { answerQuery } from './answer-query.ts'

const Deposits = query('deposits', {
  input: z.object({ atLeast: z.int() }),
  output: z.object({ times: z.int(), sum: z.int() }),
})
const ForManagers = query('for-managers', {
  input: z.object({}),
  output: z.object({}),
  allow: (principal) => principal.roles.includes('manager'),
})
const Sums = sqlProjection('sums', {
  on: [Wallet],
  tables: (schema) => [`create table ${schema}.deposits (tenant text collate "C", amount bigint)`],
  apply: {
    'wallet.deposited': (e, { schema, tenant }) => ({
      text: `insert into ${schema}.deposits values ($1, $2::bigint)`,
      values: [tenant, e.data.amount],
    }),
  },
})
let reads = 0
const handlers = [
  answerQuery(Deposits, {
    from: Sums,
    read: async ({ atLeast }, { tenant, schema, sql }) => {
      reads++
      const [row] = await sql<{ times: number; sum: number }>(
        `select count(*) as times, coalesce(sum(amount), 0)::bigint as sum from ${schema}.deposits
          where tenant = $1 and amount >= $2`,
        [tenant, atLeast],
      )
      return row ?? { times: 0, sum: 0 }
    },
  }),
  answerQuery(ForManagers, { from: Sums, read: async () => ({}) }),
]

interface Asked {
  readonly after?: readonly string[]
  readonly streams?: readonly { readonly stream: string; readonly version: number }[]
  readonly waitMs?: number
  readonly late?: 'stale' | 'refuse'
}

const ask = async (device: Device, input: unknown, more: Asked = {}, name = 'deposits'): Promise<QueryReply> =>
  queryReply.parse(await device.call('query', { protocol: PROTOCOL_VERSION, query: name, input, ...more }))

const readState = async (
  device: Device,
  stream: string,
  source: 'rows' | 'inline' | 'log',
  more: Asked = {},
): Promise<StateReply> =>
  stateReply.parse(await device.call('state', { protocol: PROTOCOL_VERSION, stream, source, ...more }))

async function deposit(device: Device, stream: string, amount: number): Promise<string> {
  const [pushedOne] = await device.push(pushed(stream, 'deposit', { amount }))
  if (pushedOne?.answer.kind !== 'accepted') throw new Error(JSON.stringify(pushedOne))
  return pushedOne.answer.token
}

describe('a read beside workers that keep up', () => {
  let world: World
  let device: Device
  beforeAll(async () => {
    world = await createWorld({}, handlers)
    device = await world.device(ann)
    await vi.waitFor(async () => expect((await world.reports.place(Sums, 0)).kind).toBe('live'))
  })
  afterAll(() => world.close())

  test('with the token of a write holds that write, every time, whichever stream it went to', async () => {
    const tokens: string[] = []
    for (let n = 1; n <= 20; n++) {
      tokens.push(await deposit(device, newWallet(), 1))
      const reply = await ask(device, { atLeast: 1 }, { after: tokens.slice(-2) })
      expect(reply).toMatchObject({ kind: 'answer', stale: false, output: { times: n, sum: n } })
    }
  })

  test('with a stream and a version holds what the log held there', async () => {
    const stream = newWallet()
    const before = await ask(device, { atLeast: 500 })
    await deposit(device, stream, 500)
    const reply = await ask(device, { atLeast: 500 }, { streams: [{ stream, version: 1 }] })
    expect(before).toMatchObject({ output: { times: 0 } })
    expect(reply).toMatchObject({ kind: 'answer', stale: false, output: { times: 1, sum: 500 } })
  })

  test('answers again from what it kept, until the tables move', async () => {
    const token = await deposit(device, newWallet(), 900)
    const first = await ask(device, { atLeast: 900 }, { after: [token] })
    const made = reads
    expect(await ask(device, { atLeast: 900 })).toMatchObject({ output: { times: 1 } })
    expect(await ask(await world.device(bob), { atLeast: 900 })).toMatchObject({ output: { times: 1 } })
    expect(reads).toBe(made)
    expect(await ask(device, { atLeast: 901 })).toMatchObject({ output: { times: 0 } })
    const later = await deposit(device, newWallet(), 900)
    expect(await ask(device, { atLeast: 900 }, { after: [later] })).toMatchObject({ output: { times: 2 } })
    expect(first).toMatchObject({ output: { times: 1 } })
  })

  test('tells nothing of another tenant, nor takes its tokens', async () => {
    const token = await deposit(device, newWallet(), 700)
    const foreign = await world.device(eve)
    await ask(device, { atLeast: 700 }, { after: [token] })
    expect(await ask(foreign, { atLeast: 1 })).toMatchObject({ output: { times: 0, sum: 0 } })
    expect(await ask(foreign, { atLeast: 1 }, { after: [token], late: 'refuse' })).toEqual({
      kind: 'late',
      reason: 'unknown_token',
    })
  })

  test.each<[string, string, unknown, Partial<QueryReply>]>([
    ['a query that is not there', 'nothing', {}, { kind: 'unknown' }],
    ['input that does not match', 'deposits', { atLeast: 'much' }, { kind: 'invalid' }],
    ['somebody who may not ask', 'for-managers', {}, { kind: 'forbidden' }],
  ])('answers %s with a kind', async (_, name, input, expected) => {
    expect(await ask(device, input, {}, name)).toMatchObject(expected)
  })
})

describe('a read beside workers that stand still', () => {
  let world: World
  let device: Device
  const stream = newWallet()
  const hidden = newWallet()
  let old = ''
  let recent = ''
  let foreign = ''
  beforeAll(async () => {
    world = await createWorld({}, handlers)
    device = await world.device(bob)
    old = await deposit(device, stream, 1)
    const [handed] = await device.push(
      pushed(hidden, 'deposit', { amount: 1 }),
      pushed(hidden, 'handOver', { team: 'night' }),
    )
    expect(handed?.answer.kind).toBe('accepted')
    const place = { lane: 0, position: await world.store.head(0) }
    expect((await world.projections.waitFor(place, 10_000)).kind).toBe('reached')
    expect((await world.reports.waitFor(Sums, place, 10_000)).kind).toBe('reached')
    await world.projections.close()
    await world.reports.close()
    recent = await deposit(device, stream, 10)
    foreign = await deposit(await world.device(eve), newWallet(), 1)
  })
  afterAll(() => world.close())

  const tokens = { old: () => old, recent: () => recent, foreign: () => foreign, noise: () => 'noise' }
  type Name = keyof typeof tokens
  const QUICK = { waitMs: 30 }

  test.each<[string, readonly Name[], { stale: boolean; reason: string | null }]>([
    ['nothing', [], { stale: false, reason: null }],
    ['a write that is there', ['old'], { stale: false, reason: null }],
    ['a write that is not there', ['recent'], { stale: true, reason: 'timeout' }],
    ['several writes, one of which is not there', ['old', 'recent'], { stale: true, reason: 'timeout' }],
    ['another tenant’s write', ['foreign'], { stale: true, reason: 'unknown_token' }],
    ['noise', ['noise'], { stale: true, reason: 'unknown_token' }],
  ])('that asks for %s', async (_, names, { stale, reason }) => {
    const after = names.map((name) => tokens[name]())
    const late = { kind: 'late', reason }
    const answer = { kind: 'answer', stale, output: { times: 2, sum: 2 } }
    expect(await ask(device, { atLeast: 1 }, { after, ...QUICK })).toMatchObject(answer)
    const row = { kind: 'state', version: 1, stale, state: { balance: 1 } }
    expect(await readState(device, stream, 'rows', { after, ...QUICK })).toMatchObject(row)

    const refusing = { after, ...QUICK, late: 'refuse' } as const
    expect(await ask(device, { atLeast: 1 }, refusing)).toMatchObject(stale ? late : answer)
    expect(await readState(device, stream, 'rows', refusing)).toMatchObject(stale ? late : row)
  })

  test.each(['inline', 'log'] as const)('from %s is as new as the log, and waits for no worker', async (source) => {
    expect(await readState(device, stream, source, { after: [old, recent], late: 'refuse', waitMs: 0 })).toMatchObject({
      kind: 'state',
      version: 2,
      schema: 1,
      state: { balance: 11 },
      stale: false,
    })
    expect(
      await readState(device, stream, source, { streams: [{ stream, version: 2 }], late: 'refuse', waitMs: 0 }),
    ).toMatchObject({ kind: 'state', version: 2, stale: false })
    expect(
      await readState(device, stream, source, { streams: [{ stream, version: 3 }], late: 'refuse', ...QUICK }),
    ).toEqual({ kind: 'late', reason: 'timeout' })
  })

  test.each(['rows', 'inline', 'log'] as const)(
    'from %s tells a stream of another scope like one that is not there',
    async (source) => {
      const nobody = newWallet()
      for (const asked of [hidden, nobody, 'unheard-of/1']) {
        expect(await readState(device, asked, source)).toEqual({ kind: 'unknown' })
        const streams = [{ stream: asked, version: 1 }]
        expect(await readState(device, stream, source, { streams, late: 'refuse', ...QUICK })).toEqual({
          kind: 'late',
          reason: 'timeout',
        })
      }
      expect(await readState(await world.device(eve), stream, source)).toEqual({ kind: 'unknown' })
    },
  )
})
