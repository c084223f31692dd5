import type { CommandDefinition, DomainEvent, EventData, EventsOf } from '@tidemark/core'
import { Order, Product, type OrderState } from '@tidemark/depot/domain'
import { texts } from '../texts.ts'

/** A command that takes back what an event did, as a new fact: history keeps both. */
export interface Compensation {
  readonly command: CommandDefinition
  readonly input: unknown
}

type OrderData<Name extends keyof EventsOf<typeof Order>> = EventData<EventsOf<typeof Order>[Name]>
type ProductData<Name extends keyof EventsOf<typeof Product>> = EventData<EventsOf<typeof Product>[Name]>

/**
 * The command that undoes an event, `undefined` where there is none: placing, shipping, cancelling and returning have
 * happened in the world, and what somebody has changed again since is theirs.
 */
export function compensationOf(
  event: DomainEvent,
  before: OrderState | undefined,
  now: OrderState | undefined,
): Compensation | undefined {
  const [aggregate, member] = event.type.split('.')
  if (aggregate === Product.name) return ofProduct(member ?? '', event.data)
  return aggregate === Order.name && now !== undefined ? ofOrder(member ?? '', event.data, before, now) : undefined
}

function ofProduct(member: string, data: unknown): Compensation | undefined {
  const { adjust, release, reserve } = Product.commands
  switch (member) {
    case 'received':
      return {
        command: adjust,
        input: { by: -(data as ProductData<'received'>).quantity, reason: texts.undo.received },
      }
    case 'adjusted':
      return { command: adjust, input: { by: -(data as ProductData<'adjusted'>).by, reason: texts.undo.adjusted } }
    // What follows orders goes back with them.
    case 'reserved':
      return (data as ProductData<'reserved'>).line === '' ? { command: release, input: data } : undefined
    case 'released':
      return (data as ProductData<'released'>).line === '' ? { command: reserve, input: data } : undefined
    default:
      return undefined
  }
}

function ofOrder(
  member: string,
  data: unknown,
  before: OrderState | undefined,
  now: OrderState,
): Compensation | undefined {
  const { addLine, changeCustomer, changeQuantity, removeLine, setNote } = Order.commands
  const open = now.status === 'open'
  switch (member) {
    case 'lineAdded': {
      const { line } = data as OrderData<'lineAdded'>
      return open && now.lines[line] !== undefined ? { command: removeLine, input: { line } } : undefined
    }
    case 'quantityChanged': {
      const { line, quantity } = data as OrderData<'quantityChanged'>
      const was = before?.lines[line]?.quantity
      if (!open || was === undefined || now.lines[line]?.quantity !== quantity) return undefined
      return { command: changeQuantity, input: { line, quantity: was } }
    }
    case 'lineRemoved': {
      const { line } = data as OrderData<'lineRemoved'>
      const was = before?.lines[line]
      if (!open || was === undefined) return undefined
      const { product, description, quantity, unitPrice } = was
      return { command: addLine, input: { product, description, quantity, unitPrice } }
    }
    case 'noteSet': {
      if (before === undefined || now.note !== (data as OrderData<'noteSet'>).note) return undefined
      return { command: setNote, input: { note: before.note } }
    }
    case 'customerChanged': {
      const { customer } = data as OrderData<'customerChanged'>
      const same = now.customer.firstName === customer.firstName && now.customer.lastName === customer.lastName
      if (!open || before === undefined || !same) return undefined
      return { command: changeCustomer, input: { customer: before.customer } }
    }
    default:
      return undefined
  }
}
