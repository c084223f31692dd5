import {
  PROTOCOL_VERSION,
  queryReply,
  type Json,
  type QueryDefinition,
  type QueryInput,
  type QueryOutput,
  type StreamId,
} from '@tidemark/core'
import { testDatabase, type TestDatabase } from '@tidemark/testing/postgres'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { DailyRevenue, Order, Product, Search, StockTotals } from '../../domain/index.ts'
import { openTestDepot, type TestDepot } from '../test-depot.ts'

let database: TestDatabase
let opened: TestDepot
let manager: string
let neighbour: string
const tokens: string[] = []

beforeAll(async () => {
  database = await testDatabase()
  opened = await openTestDepot(database.url)
  manager = await opened.signIn('harbour', 'ada')
  neighbour = await opened.signIn('meadow', 'finn')
  // Their workers have come to the lane.
  await vi.waitFor(
    async () => {
      const lags = await opened.depot.reports.projections.lag()
      expect(lags.map(({ state }) => state)).toEqual(['live', 'live', 'live'])
    },
    { timeout: 20_000 },
  )
}, 120_000)

afterAll(async () => {
  await opened.close()
  await database.drop()
})

let lastCommand = 0
/** Does it and keeps the token, so that what is asked next holds it. */
async function perform(
  type: string,
  stream: StreamId,
  input: Json,
  occurredAt = new Date().toISOString(),
): Promise<void> {
  lastCommand++
  const id = `0197b000-0000-7000-8000-${String(lastCommand).padStart(12, '0')}`
  const schema = 1
  const answer = await opened.push(manager, { id, type, schema, stream, input, occurredAt, base: null })
  if (answer.kind !== 'accepted') throw new Error(`Not accepted: ${JSON.stringify(answer)}`)
  tokens.push(answer.token)
}

async function ask<Q extends QueryDefinition>(query: Q, input: QueryInput<Q>, who = manager): Promise<QueryOutput<Q>> {
  const after = who === manager ? tokens.slice(-1) : []
  const request = { protocol: PROTOCOL_VERSION, query: query.name, input, after, late: 'refuse', waitMs: 10_000 }
  const reply = queryReply.parse(
    ((await opened.call('/trpc/query', request, who)) as { result: { data: unknown } }).result.data,
  )
  if (reply.kind !== 'answer') throw new Error(JSON.stringify(reply))
  return reply.output as QueryOutput<Q>
}

const titles = async (text: string, who = manager): Promise<readonly string[]> =>
  (await ask(Search, { text }, who)).hits.map((hit) => hit.title)

const lantern = Product.stream('71053')
const heart = Product.stream('85123A')
const order = Order.stream('0197b000-0000-7000-8000-0000000000aa')
const place = {
  number: '536365',
  customer: { firstName: 'Jane', lastName: 'Doe' },
  country: 'EIRE',
  note: 'ring twice',
}

describe('the reports', () => {
  it('count stock as it moves, and value it at its price, registered before or after it came', async () => {
    expect(await ask(StockTotals, {})).toEqual({ products: 0, onHand: 0, reserved: 0, value: 0 })
    await perform('product.receive', lantern, { quantity: 10 })
    expect(await ask(StockTotals, {})).toEqual({ products: 0, onHand: 10, reserved: 0, value: 0 })
    await perform('product.register', lantern, { description: 'WHITE METAL LANTERN', unitPrice: 339 })
    await perform('product.register', heart, { description: 'WHITE HANGING HEART T-LIGHT HOLDER', unitPrice: 255 })
    await perform('product.receive', heart, { quantity: 4 })
    await perform('product.adjust', lantern, { by: -1, reason: 'wet' })
    await perform('product.reserve', lantern, { quantity: 3 })
    await perform('product.release', lantern, { quantity: 1 })
    expect(await ask(StockTotals, {})).toEqual({ products: 2, onHand: 13, reserved: 2, value: 9 * 339 + 4 * 255 })
    expect(await ask(StockTotals, {}, neighbour)).toEqual({ products: 0, onHand: 0, reserved: 0, value: 0 })
  })

  it('find orders and products by their words, unfinished and misspelt ones too', async () => {
    await perform('order.place', order, place)
    expect(await titles('536365')).toEqual(['536365'])
    expect(await titles('jane eire')).toEqual(['536365'])
    expect(await titles('ring')).toEqual(['536365'])
    expect(await titles('lanterns')).toEqual(['71053'])
    expect(await titles('hang hea')).toEqual(['85123A'])
    expect(await titles('lantren')).toEqual(['71053'])
    expect(await titles('zebra')).toEqual([])
    expect(await titles("' & | !")).toEqual([])
    expect(await titles('lanterns', neighbour)).toEqual([])
  })

  it('find an order by a line of it, and no more when the line is gone', async () => {
    const added = { product: '22752', description: 'SET 7 BABUSHKA NESTING BOXES', quantity: 2, unitPrice: 765 }
    await perform('order.addLine', order, added)
    const found = await ask(Search, { text: 'babushka' })
    expect(found).toEqual({
      hits: [
        {
          kind: 'order',
          stream: order,
          title: '536365',
          detail: 'Jane Doe · EIRE',
          line: '22752 SET 7 BABUSHKA NESTING BOXES',
        },
      ],
      more: false,
    })
    const lines = await opened.depot.store.readStreams([{ tenant: 'harbour', stream: order, after: 0 }])
    const { line } = lines[0]?.at(-1)?.data as { line: string }
    await perform('order.removeLine', order, { line })
    expect(await titles('babushka')).toEqual([])
    await perform('order.changeCustomer', order, { customer: { firstName: 'Una', lastName: 'Roe' } })
    expect((await ask(Search, { text: 'una' })).hits[0]?.detail).toBe('Una Roe · EIRE')
  })

  it('sum what was shipped and what came back by day, days without either included', async () => {
    expect(await ask(DailyRevenue, { days: 7 })).toEqual({ days: [] })
    await perform('order.addLine', order, { product: '71053', description: 'LANTERN', quantity: 6, unitPrice: 339 })
    const events = await opened.depot.store.readStreams([{ tenant: 'harbour', stream: order, after: 0 }])
    const { line } = events[0]?.at(-1)?.data as { line: string }
    await perform('order.changeQuantity', order, { line, quantity: 5 })
    const now = Date.now()
    const at = (days: number): string => new Date(now - days * 86_400_000).toISOString()
    await perform('order.ship', order, { carrier: 'Royal Mail' }, at(2))
    await perform('order.return', order, { line, quantity: 2, reason: 'broken' }, at(0))
    const day = (days: number): string => at(days).slice(0, 10)
    expect(await ask(DailyRevenue, { days: 4 })).toEqual({
      days: [
        { day: day(3), revenue: 0, orders: 0, returned: 0 },
        { day: day(2), revenue: 5 * 339, orders: 1, returned: 0 },
        { day: day(1), revenue: 0, orders: 0, returned: 0 },
        { day: day(0), revenue: -2 * 339, orders: 0, returned: 2 },
      ],
    })
    expect(await ask(DailyRevenue, { days: 4 }, neighbour)).toEqual({ days: [] })
  })
})
