import { givenEvents, history } from '@tidemark/testing'
import { describe, it } from 'vitest'
import { Order } from './order.ts'
import { OrderList, type OrderRow } from './order-list.ts'
import { Product } from './product.ts'
import { StockList } from './stock-list.ts'

const A = '0197b000-0000-7000-8000-000000000001'
const B = '0197b000-0000-7000-8000-000000000002'
const AT = '2010-12-01T08:26:00.000Z'

const placed = [
  'placed',
  { number: '536365', customer: { firstName: 'Jane', lastName: 'Doe' }, country: 'EIRE', note: '' },
] as const
const line = (id: string, quantity: number, unitPrice: number) =>
  ['lineAdded', { line: id, product: '71053', description: 'LANTERN', quantity, unitPrice }] as const
const both = [placed, line(A, 6, 339), line(B, 2, 50)] as const

const row: OrderRow = {
  number: '536365',
  customer: 'Jane Doe',
  country: 'EIRE',
  status: 'open',
  note: '',
  lines: 2,
  units: 8,
  total: 6 * 339 + 2 * 50,
  returned: 0,
  short: [],
  placedAt: AT,
  updatedAt: AT,
  amounts: { [A]: [6, 339], [B]: [2, 50] },
}

type OrderEvents = Parameters<typeof history<typeof Order>>[2]

function expectOrder(events: OrderEvents, expected: OrderRow): void {
  givenEvents(history(Order, '1', events, { at: AT })).expectRows(OrderList, { 'order/1': expected })
}

describe('the order list', () => {
  it('sums lines, pieces and pence', () => {
    expectOrder(both, row)
  })

  it('follows a changed quantity', () => {
    const amounts = { ...row.amounts, [A]: [1, 339] as [number, number] }
    expectOrder([...both, ['quantityChanged', { line: A, quantity: 1 }]], { ...row, units: 3, total: 439, amounts })
  })

  it('forgets a removed line', () => {
    expectOrder([...both, ['lineRemoved', { line: A }]], {
      ...row,
      lines: 1,
      units: 2,
      total: 100,
      amounts: { [B]: [2, 50] },
    })
  })

  it('takes returned pieces out of the sums and counts them', () => {
    expectOrder([...both, ['shipped', { carrier: 'Royal Mail' }], ['returned', { line: A, quantity: 2, reason: '' }]], {
      ...row,
      status: 'shipped',
      units: 6,
      total: 4 * 339 + 100,
      returned: 2,
      amounts: { ...row.amounts, [A]: [4, 339] },
    })
  })

  it('shows note, customer and cancellation', () => {
    expectOrder(
      [
        ...both,
        ['noteSet', { note: 'ring' }],
        ['customerChanged', { customer: { firstName: '', lastName: 'Roe' } }],
        ['cancelled', { reason: '' }],
      ],
      { ...row, note: 'ring', customer: 'Roe', status: 'cancelled' },
    )
  })

  it('marks lines that there is not enough stock for, until they are tried again or the order is done', () => {
    const short = [
      ...both,
      ['markedShort', { line: A, wanted: 6, free: 1 }],
      ['markedShort', { line: B, wanted: 2, free: 0 }],
    ] as const
    expectOrder(short, { ...row, short: [A, B] })
    expectOrder([...short, ['markedShort', { line: A, wanted: 6, free: 2 }]], { ...row, short: [B, A] })
    expectOrder([...short, ['stockAsked', { line: A }]], { ...row, short: [B] })
    const amounts = { ...row.amounts, [A]: [1, 339] as [number, number] }
    expectOrder([...short, ['quantityChanged', { line: A, quantity: 1 }]], {
      ...row,
      short: [B],
      units: 3,
      total: 439,
      amounts,
    })
    expectOrder([...short, ['cancelled', { reason: '' }]], { ...row, status: 'cancelled' })
    expectOrder([...short, ['shipped', { carrier: 'DPD' }]], { ...row, status: 'shipped' })
  })

  it('is not misled by events about a line that is gone', () => {
    expectOrder(
      [
        ...both,
        ['lineRemoved', { line: A }],
        ['quantityChanged', { line: A, quantity: 9 }],
        ['returned', { line: A, quantity: 1, reason: '' }],
      ],
      { ...row, lines: 1, units: 2, total: 100, amounts: { [B]: [2, 50] } },
    )
  })

  it('holds orders of the release before', () => {
    expectOrder(
      [
        ['placed', { number: '536365', customerName: 'Jane Doe', country: 'EIRE', note: '' }, { schema: 1 }],
        line(A, 6, 339),
        line(B, 2, 50),
      ],
      row,
    )
  })
})

describe('the stock list', () => {
  it('counts what is on hand, promised and free', () => {
    const events = history(
      Product,
      '71053',
      [
        ['registered', { description: 'LANTERN', unitPrice: 339 }],
        ['received', { quantity: 10, reference: '' }],
        ['adjusted', { by: -2, reason: 'wet' }],
        ['reserved', { quantity: 5, order: '', line: '' }],
        ['released', { quantity: 1, order: '', line: '' }],
        ['issued', { quantity: 1, order: 'D-1', line: A }],
      ],
      { at: AT },
    )
    givenEvents(events).expectRows(StockList, {
      'product/71053': {
        code: '71053',
        description: 'LANTERN',
        unitPrice: 339,
        onHand: 7,
        reserved: 3,
        free: 4,
        updatedAt: AT,
      },
    })
  })

  it('shows goods that came before anybody registered the product', () => {
    givenEvents(history(Product, '71053', [['received', { quantity: 10, reference: '' }]], { at: AT })).expectRows(
      StockList,
      {
        'product/71053': {
          code: '71053',
          description: '',
          unitPrice: 0,
          onHand: 10,
          reserved: 0,
          free: 10,
          updatedAt: AT,
        },
      },
    )
  })
})
