import { aggregate, event, hasRole, type DomainEvent } from '@tidemark/core'
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
  }),

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
    quantityChanged: (order, e) => withLine(order, e.line, (line) => ({ ...line, quantity: e.quantity })),
    lineRemoved: (order, e) => {
      const { [e.line]: _removed, ...lines } = order.lines
      return { ...order, lines }
    },
    noteSet: (order, e) => ({ ...order, note: e.note }),
    customerChanged: (order, e) => ({ ...order, customer: e.customer }),
    shipped: (order, e) => ({ ...order, status: 'shipped', carrier: e.carrier }),
    cancelled: (order) => ({ ...order, status: 'cancelled' }),
    returned: (order, e) => withLine(order, e.line, (line) => ({ ...line, returned: line.returned + e.quantity })),
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

/** The line an event is about; `undefined` for events about the order as a whole. */
function lineOf(e: DomainEvent): string | undefined {
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
