import { aggregate, byReaction, event, hasRole, type DomainEvent } from '@tidemark/core'
import { z } from 'zod'

export const Customer = z.object({ firstName: z.string().max(80), lastName: z.string().min(1).max(80) })
export type Customer = z.infer<typeof Customer>

/** Pence: money is whole minor units everywhere, never a fraction. */
const Pence = z.int().nonnegative()
const Quantity = z.int().positive().max(1_000_000)
const LineId = z.uuid()

export const OrderLine = z.object({
  product: z.string().min(1).max(40),
  description: z.string().max(200),
  quantity: Quantity,
  unitPrice: Pence,
})
export type OrderLine = z.infer<typeof OrderLine>

export interface OrderState {
  readonly status: 'new' | 'open' | 'shipped' | 'cancelled'
  readonly number: string
  readonly customer: Customer
  readonly country: string
  readonly note: string
  readonly carrier: string
  readonly placedAt: string
  readonly lines: Readonly<Record<string, OrderLine & { readonly returned: number }>>
  /** Lines that could not be promised their goods, with what was free when that was tried. */
  readonly short: Readonly<Record<string, { readonly free: number }>>
}

const nobody: Customer = { firstName: '', lastName: '' }

const office = hasRole('clerk', 'manager')
const floor = hasRole('picker', 'manager')

export const Order = aggregate('order', {
  initial: (): OrderState => ({
    status: 'new',
    number: '',
    customer: nobody,
    country: '',
    note: '',
    carrier: '',
    placedAt: '',
    lines: {},
    short: {},
  }),
  version: 2,

  events: {
    placed: event(
      z.object({
        number: z.string().min(1).max(40),
        customer: Customer,
        country: z.string().max(60),
        note: z.string().max(2000),
      }),
      { version: 2, upcast: { 1: splitCustomerName } },
    ),
    lineAdded: event(OrderLine.extend({ line: LineId })),
    quantityChanged: event(z.object({ line: LineId, quantity: Quantity })),
    lineRemoved: event(z.object({ line: LineId })),
    noteSet: event(z.object({ note: z.string().max(2000) })),
    customerChanged: event(z.object({ customer: Customer })),
    shipped: event(z.object({ carrier: z.string().max(80) })),
    cancelled: event(z.object({ reason: z.string().max(200) })),
    returned: event(z.object({ line: LineId, quantity: Quantity, reason: z.string().max(200) })),
    /** There was not enough in stock for the line. */
    markedShort: event(z.object({ line: LineId, wanted: Quantity, free: z.int().nonnegative() })),
    /** Somebody wants the line served again, since there may be enough by now. */
    stockAsked: event(z.object({ line: LineId })),
  },

  evolve: {
    placed: (order, e, { occurredAt }) => ({
      ...order,
      status: 'open',
      number: e.number,
      customer: e.customer,
      country: e.country,
      note: e.note,
      placedAt: occurredAt,
    }),
    lineAdded: (order, { line, ...rest }) => ({
      ...order,
      lines: { ...order.lines, [line]: { ...rest, returned: 0 } },
    }),
    quantityChanged: (order, e) =>
      withoutMark(
        withLine(order, e.line, (line) => ({ ...line, quantity: e.quantity })),
        e.line,
      ),
    lineRemoved: (order, e) => {
      const { [e.line]: _removed, ...lines } = order.lines
      return withoutMark({ ...order, lines }, e.line)
    },
    noteSet: (order, e) => ({ ...order, note: e.note }),
    customerChanged: (order, e) => ({ ...order, customer: e.customer }),
    shipped: (order, e) => ({ ...order, status: 'shipped', carrier: e.carrier, short: {} }),
    cancelled: (order) => ({ ...order, status: 'cancelled', short: {} }),
    returned: (order, e) => withLine(order, e.line, (line) => ({ ...line, returned: line.returned + e.quantity })),
    markedShort: (order, e) => ({ ...order, short: { ...order.short, [e.line]: { free: e.free } } }),
    stockAsked: (order, e) => withoutMark(order, e.line),
  },

  commands: (command) => ({
    place: command(
      z.object({
        number: z.string().min(1).max(40),
        customer: Customer,
        country: z.string().max(60).default(''),
        note: z.string().max(2000).default(''),
      }),
      {
        allow: office,
        decide: (order, input, { emit, refuse }) =>
          order.status === 'new' ? emit.placed(input) : refuse('already_placed', { number: order.number }),
      },
    ),

    addLine: command(OrderLine, {
      allow: office,
      decide: (order, input, { emit, refuse, id }) =>
        order.status === 'open'
          ? emit.lineAdded({ ...input, line: id('line') })
          : refuse('not_open', { status: order.status }),
    }),

    changeQuantity: command(z.object({ line: LineId, quantity: Quantity }), {
      allow: office,
      onConflict: rejectIfTouched<{ line: string }>((e, input) => lineOf(e) === input.line),
      decide: (order, input, { emit, refuse }) => {
        if (order.status !== 'open') return refuse('not_open', { status: order.status })
        const line = order.lines[input.line]
        if (line === undefined) return refuse('no_such_line')
        return line.quantity === input.quantity ? [] : emit.quantityChanged(input)
      },
    }),

    removeLine: command(z.object({ line: LineId }), {
      allow: office,
      onConflict: rejectIfTouched<{ line: string }>(
        (e, input) => lineOf(e) === input.line && e.type !== 'order.lineRemoved',
      ),
      decide: (order, input, { emit, refuse }) => {
        if (order.status !== 'open') return refuse('not_open', { status: order.status })
        return order.lines[input.line] === undefined ? [] : emit.lineRemoved(input)
      },
    }),

    setNote: command(z.object({ note: z.string().max(2000) }), {
      allow: office,
      onConflict: rejectIfTouched((e) => e.type === 'order.noteSet'),
      decide: (order, input, { emit, refuse }) => {
        if (order.status === 'new') return refuse('not_placed')
        return order.note === input.note ? [] : emit.noteSet(input)
      },
    }),

    changeCustomer: command(z.object({ customer: Customer }), {
      allow: office,
      onConflict: rejectIfTouched((e) => e.type === 'order.customerChanged'),
      decide: (order, input, { emit, refuse }) =>
        order.status === 'open' ? emit.customerChanged(input) : refuse('not_open', { status: order.status }),
    }),

    /** Whoever packs has counted the lines: if somebody changed them meanwhile, a person must look again. */
    ship: command(z.object({ carrier: z.string().min(1).max(80) }), {
      allow: floor,
      onConflict: rejectIfTouched((e) => lineOf(e) !== undefined),
      decide: (order, input, { emit, refuse }) => {
        if (order.status !== 'open') return refuse('not_open', { status: order.status })
        return Object.keys(order.lines).length === 0 ? refuse('no_lines') : emit.shipped(input)
      },
    }),

    cancel: command(z.object({ reason: z.string().max(200) }), {
      allow: office,
      decide: (order, input, { emit, refuse }) =>
        order.status === 'open' ? emit.cancelled(input) : refuse('not_open', { status: order.status }),
    }),

    return: command(z.object({ line: LineId, quantity: Quantity, reason: z.string().max(200) }), {
      allow: office,
      decide: (order, input, { emit, refuse }) => {
        if (order.status !== 'shipped') return refuse('not_shipped', { status: order.status })
        const line = order.lines[input.line]
        if (line === undefined) return refuse('no_such_line')
        const left = line.quantity - line.returned
        return input.quantity > left ? refuse('more_than_shipped', { left }) : emit.returned(input)
      },
    }),

    /** What was tried for a line that has changed meanwhile says nothing any more: it is tried again. */
    markShort: command(z.object({ line: LineId, wanted: Quantity, free: z.int().nonnegative() }), {
      allow: byReaction('reserve-stock'),
      decide: (order, input, { emit }) =>
        order.status === 'open' && order.lines[input.line]?.quantity === input.wanted ? emit.markedShort(input) : [],
    }),

    askForStock: command(z.object({ line: LineId }), {
      allow: hasRole('clerk', 'picker', 'manager'),
      decide: (order, input, { emit, refuse }) => {
        if (order.status !== 'open') return refuse('not_open', { status: order.status })
        return order.short[input.line] === undefined ? [] : emit.stockAsked(input)
      },
    }),
  }),
})

/** Version 1 kept the customer as one string; the last word of it is the last name. */
function splitCustomerName({ customerName, ...rest }: { customerName: string }): unknown {
  const words = customerName.trim().split(/\s+/)
  const lastName = words.pop() ?? ''
  return { ...rest, customer: { firstName: words.join(' '), lastName } }
}

function withLine(
  order: OrderState,
  id: string,
  change: (line: OrderState['lines'][string]) => OrderState['lines'][string],
): OrderState {
  const line = order.lines[id]
  return line === undefined ? order : { ...order, lines: { ...order.lines, [id]: change(line) } }
}

function withoutMark(order: OrderState, line: string): OrderState {
  if (order.short[line] === undefined) return order
  const { [line]: _mark, ...short } = order.short
  return { ...order, short }
}

/** The line that an event changed; `undefined` for events about the order as a whole, and about stock. */
function lineOf(e: DomainEvent): string | undefined {
  if (e.type === 'order.markedShort' || e.type === 'order.stockAsked') return undefined
  return (e.data as { readonly line?: string }).line
}

/** Rebase, unless one of their events touches the same thing: then a person decides. */
function rejectIfTouched<Input>(touches: (theirs: DomainEvent, input: Input) => boolean) {
  return ({ theirs, input }: { readonly theirs: readonly DomainEvent[]; readonly input: Input }): 'rebase' | 'reject' =>
    theirs.some((e) => touches(e, input)) ? 'reject' : 'rebase'
}

/** What the order is worth now, in pence: returned pieces are not paid for. */
export function orderTotal(order: Pick<OrderState, 'lines'>): number {
  return Object.values(order.lines).reduce((sum, line) => sum + (line.quantity - line.returned) * line.unitPrice, 0)
}

export function customerName(customer: Customer): string {
  return `${customer.firstName} ${customer.lastName}`.trim()
}
