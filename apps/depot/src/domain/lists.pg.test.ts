import { openScenarioHost } from '@tidemark/projections/scenario-host'
import { createMemoryHost, expectRowsOn, history } from '@tidemark/testing'
import { testDatabase } from '@tidemark/testing/postgres'
import { expect, test } from 'vitest'
import { depot } from './index.ts'
import { Order } from './order.ts'
import { OrderList, type OrderRow } from './order-list.ts'

const A = '0197b000-0000-7000-8000-000000000001'
const AT = '2010-12-01T08:26:00.000Z'

const placed = (number: string) =>
  ['placed', { number, customer: { firstName: 'Jane', lastName: 'Doe' }, country: 'EIRE', note: '' }] as const

const empty: OrderRow = {
  number: '2',
  customer: 'Jane Doe',
  country: 'EIRE',
  status: 'open',
  note: '',
  lines: 0,
  units: 0,
  total: 0,
  returned: 0,
  short: [],
  placedAt: AT,
  updatedAt: AT,
  amounts: {},
}

const scenario = {
  of: OrderList,
  given: [
    history(
      Order,
      '1',
      [
        placed('1'),
        ['lineAdded', { line: A, product: '71053', description: 'LANTERN', quantity: 6, unitPrice: 339 }],
        ['shipped', { carrier: 'Royal Mail' }],
        ['returned', { line: A, quantity: 1, reason: '' }],
      ],
      { at: AT },
    ),
    history(Order, '2', [placed('2')], { at: AT }),
  ],
  rows: {
    'order/1': {
      ...empty,
      number: '1',
      status: 'shipped',
      lines: 1,
      units: 5,
      total: 5 * 339,
      returned: 1,
      amounts: { [A]: [5, 339] as [number, number] },
    } satisfies OrderRow,
    'order/2': empty,
  },
}

test('the order list holds in any order, offered twice, and over a crash at any step: in memory and on Postgres', async () => {
  const inMemory = await expectRowsOn(createMemoryHost(depot.projections), scenario)
  const database = await testDatabase()
  const host = await openScenarioHost({ url: database.url, domain: depot })
  try {
    const onPostgres = await expectRowsOn(host, scenario)
    expect(onPostgres.orders).toBe(inMemory.orders)
    // Two batches of a look at the checkpoint and three calls each, and the look that finds nothing: before and after each.
    expect(onPostgres.crashes).toBeGreaterThanOrEqual(2 * 8)
  } finally {
    await host.close()
    await database.drop()
  }
})
