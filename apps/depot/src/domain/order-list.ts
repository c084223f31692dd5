import { projection } from '@tidemark/core'
import { z } from 'zod'
import { customerName, Order } from './order.ts'

export const OrderRow = z.object({
  number: z.string(),
  customer: z.string(),
  country: z.string(),
  status: z.enum(['open', 'shipped', 'cancelled']),
  note: z.string(),
  lines: z.int(),
  units: z.int(),
  /** Pence, without returned pieces. */
  total: z.int(),
  returned: z.int(),
  /** Lines that there is not enough stock for. */
  short: z.array(z.string()),
  placedAt: z.string(),
  updatedAt: z.string(),
  /** Quantity and price by line: what later events of a line need to keep the sums right. */
  amounts: z.record(z.string(), z.tuple([z.int(), z.int()])),
})
export type OrderRow = z.infer<typeof OrderRow>

/** One row per order, for the list. */
export const OrderList = projection('order-list', {
  on: Order,
  version: 2,
  row: OrderRow,
  fold: {
    placed: (_, e) => ({
      number: e.data.number,
      customer: customerName(e.data.customer),
      country: e.data.country,
      status: 'open',
      note: e.data.note,
      lines: 0,
      units: 0,
      total: 0,
      returned: 0,
      short: [],
      placedAt: e.occurredAt,
      updatedAt: e.occurredAt,
      amounts: {},
    }),
    lineAdded: (row, e) => row && setAmount(row, e.occurredAt, e.data.line, [e.data.quantity, e.data.unitPrice]),
    quantityChanged: (row, e) => {
      const amount = row?.amounts[e.data.line]
      if (row === undefined || amount === undefined) return row
      return setAmount(withoutMark(row, e.data.line), e.occurredAt, e.data.line, [e.data.quantity, amount[1]])
    },
    lineRemoved: (row, e) => row && setAmount(withoutMark(row, e.data.line), e.occurredAt, e.data.line, undefined),
    noteSet: (row, e) => row && { ...row, note: e.data.note, updatedAt: e.occurredAt },
    customerChanged: (row, e) => row && { ...row, customer: customerName(e.data.customer), updatedAt: e.occurredAt },
    shipped: (row, e) => row && { ...row, status: 'shipped', short: [], updatedAt: e.occurredAt },
    cancelled: (row, e) => row && { ...row, status: 'cancelled', short: [], updatedAt: e.occurredAt },
    returned: (row, e) => {
      const amount = row?.amounts[e.data.line]
      if (row === undefined || amount === undefined) return row
      const kept = setAmount(row, e.occurredAt, e.data.line, [amount[0] - e.data.quantity, amount[1]])
      return { ...kept, returned: row.returned + e.data.quantity }
    },
    // What the warehouse finds out by itself is no change of the order.
    markedShort: (row, e) => row && { ...row, short: [...withoutMark(row, e.data.line).short, e.data.line] },
    stockAsked: (row, e) => row && withoutMark(row, e.data.line),
  },
  indexes: {
    recent: ['-placedAt'],
    updated: ['-updatedAt'],
    byStatus: ['status', '-placedAt'],
    byTotal: ['-total'],
    byCustomer: ['customer'],
  },
})

function withoutMark(row: OrderRow, line: string): OrderRow {
  return row.short.includes(line) ? { ...row, short: row.short.filter((marked) => marked !== line) } : row
}

function setAmount(row: OrderRow, at: string, line: string, amount: [number, number] | undefined): OrderRow {
  const before = row.amounts[line]
  const { [line]: _, ...others } = row.amounts
  return {
    ...row,
    lines: row.lines - (before === undefined ? 0 : 1) + (amount === undefined ? 0 : 1),
    units: row.units - (before?.[0] ?? 0) + (amount?.[0] ?? 0),
    total: row.total - worth(before) + worth(amount),
    amounts: amount === undefined ? others : { ...others, [line]: amount },
    updatedAt: at,
  }
}

function worth(amount: readonly [number, number] | undefined): number {
  return amount === undefined ? 0 : amount[0] * amount[1]
}
