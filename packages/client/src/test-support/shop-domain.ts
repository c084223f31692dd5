import * as z from 'zod'
import { aggregate, defineDomain, event, hasRole, projection, type Principal } from '@tidemark/core'

/** A domain small enough to follow in a test, with every policy a command can have. */

interface OrderState {
  readonly status: 'new' | 'open' | 'shipped' | 'cancelled'
  readonly customer: string
  readonly note: string
  readonly lines: Readonly<Record<string, number>>
}

export const Order = aggregate('order', {
  initial: (): OrderState => ({ status: 'new', customer: '', note: '', lines: {} }),
  events: {
    placed: event(z.object({ customer: z.string() })),
    lineAdded: event(z.object({ sku: z.string(), quantity: z.number().int() })),
    noteSet: event(z.object({ note: z.string() })),
    shipped: event(z.object({})),
    cancelled: event(z.object({})),
  },
  evolve: {
    placed: (order, { customer }) => ({ ...order, status: 'open', customer }),
    lineAdded: (order, { sku, quantity }) => ({
      ...order,
      lines: { ...order.lines, [sku]: (order.lines[sku] ?? 0) + quantity },
    }),
    noteSet: (order, { note }) => ({ ...order, note }),
    shipped: (order) => ({ ...order, status: 'shipped' }),
    cancelled: (order) => ({ ...order, status: 'cancelled' }),
  },
  commands: (command) => ({
    place: command(z.object({ customer: z.string().min(1) }), {
      decide: (order, input, { emit, refuse }) =>
        order.status === 'new' ? emit.placed(input) : refuse('already_placed'),
    }),
    addLine: command(z.object({ sku: z.string(), quantity: z.number().int() }), {
      decide: (order, input, { emit, refuse }) =>
        order.status === 'open' ? emit.lineAdded(input) : refuse('not_open', { status: order.status }),
    }),
    setNote: command(z.object({ note: z.string() }), {
      onConflict: 'reject',
      decide: (order, input, { emit }) => (order.note === input.note ? [] : emit.noteSet(input)),
    }),
    count: command(z.object({ sku: z.string() }), {
      onConflict: 'merge',
      decide: (_order, { sku }, { emit }) => emit.lineAdded({ sku, quantity: 1 }),
    }),
    ship: command(z.object({}), {
      decide: (order, _input, { emit, refuse }) =>
        order.status === 'open' ? emit.shipped({}) : refuse('not_open', { status: order.status }),
    }),
    cancel: command(z.object({}), {
      offline: 'queued',
      decide: (order, _input, { emit, refuse }) =>
        order.status === 'open' ? emit.cancelled({}) : refuse('not_open', { status: order.status }),
    }),
    audit: command(z.object({}), { allow: hasRole('manager'), decide: () => [] }),
    broken: command(z.object({}), {
      decide: () => {
        throw new Error('a bug in the domain')
      },
    }),
  }),
})

const orderRow = z.object({ customer: z.string(), status: z.string(), quantity: z.number(), updatedAt: z.string() })

export const OrderList = projection('order-list', {
  on: Order,
  row: orderRow,
  fold: {
    placed: (_, e) => ({ customer: e.data.customer, status: 'open', quantity: 0, updatedAt: e.occurredAt }),
    lineAdded: (row, e) => row && { ...row, quantity: row.quantity + e.data.quantity, updatedAt: e.occurredAt },
    shipped: (row, e) => row && { ...row, status: 'shipped', updatedAt: e.occurredAt },
    // A cancelled order leaves the list.
    cancelled: () => undefined,
  },
  indexes: { recent: ['-updatedAt'], byCustomer: ['customer'], byStatus: ['status', '-quantity'] },
})

/** Rows that many streams fold into. */
export const SkuTotals = projection('sku-totals', {
  on: Order,
  row: z.object({ sku: z.string(), quantity: z.number() }),
  key: (e) => (e.type === 'order.lineAdded' ? (e.data as { sku: string }).sku : undefined),
  fold: {
    lineAdded: (row, e) => ({ sku: e.data.sku, quantity: (row?.quantity ?? 0) + e.data.quantity }),
  },
  indexes: { most: ['-quantity'] },
})

export const shop = defineDomain({ name: 'shop', aggregates: [Order], projections: [OrderList, SkuTotals] })

export const ann: Principal = { id: 'ann', tenant: 'north', name: 'Ann', roles: ['clerk'] }
export const bob: Principal = { id: 'bob', tenant: 'north', name: 'Bob', roles: ['manager'] }
