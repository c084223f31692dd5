import type { Uuid } from '@tidemark/core'
import { Order } from '../../domain/index.ts'
import { contentId } from './command-id.ts'
import type { InvoiceLine } from './invoice-line.ts'
import type { BookedOrder, OrderBook, Taking } from './order-book.ts'
import { toPlannedCommand, type PlannedCommand } from './planned-command.ts'

/** A line of a cancellation invoice, and the ids of the commands it leads to. */
export interface CancellationLine {
  readonly line: InvoiceLine
  readonly idOf: (part: string) => Uuid
}

export interface CancellationContext {
  readonly tenant: string
  readonly book: OrderBook
  /** What becomes of a line that no order of the customer explains. */
  readonly adjust: (line: InvoiceLine, id: Uuid) => PlannedCommand
}

/**
 * Commands for one cancellation invoice: goods of shipped orders come back, lines of open ones shrink or go, and an
 * open order of which nothing is left is cancelled as a whole.
 */
export function planCancellation(invoice: readonly CancellationLine[], context: CancellationContext): PlannedCommand[] {
  const { book, tenant } = context
  const matched = invoice.map(({ line, idOf }) => {
    const known = line.customer === '' ? undefined : book.take(line.customer, line.product, -line.quantity)
    return { line, idOf, takings: known }
  })
  const emptied = new Set<BookedOrder>()
  for (const { takings } of matched) {
    for (const { order } of takings ?? []) {
      if (order.status === 'open' && order.lines.every((line) => line.left === 0)) emptied.add(order)
    }
  }
  const commands: PlannedCommand[] = []
  for (const order of emptied) {
    const behind = matched
      .filter(({ takings }) => takings?.some((taking) => taking.order === order))
      .map(({ line }) => line)
    const [first] = behind
    if (first === undefined) continue
    order.status = 'cancelled'
    commands.push(
      toPlannedCommand(
        Order,
        'cancel',
        order.stream,
        { reason: `Cancelled by ${first.invoice}` },
        {
          id: contentId(first.at, tenant, 'cancel', first.invoice, order.number),
          occurredAt: first.at,
          lines: behind.map((line) => line.number),
        },
      ),
    )
  }
  for (const { line, idOf, takings } of matched) {
    if (takings === undefined) commands.push(context.adjust(line, idOf('adjust')))
    for (const [part, taking] of (takings ?? []).entries()) {
      if (!emptied.has(taking.order)) commands.push(toTakingCommand(line, taking, idOf(`take ${part}`)))
    }
  }
  return commands
}

function toTakingCommand(line: InvoiceLine, taking: Taking, id: Uuid): PlannedCommand {
  const about = { id, occurredAt: line.at, lines: [line.number] }
  const { order, quantity, leftAfter } = taking
  const orderLine = taking.line.id
  if (order.status === 'shipped') {
    return toPlannedCommand(
      Order,
      'return',
      order.stream,
      { line: orderLine, quantity, reason: `Cancelled by ${line.invoice}` },
      about,
    )
  }
  return leftAfter === 0
    ? toPlannedCommand(Order, 'removeLine', order.stream, { line: orderLine }, about)
    : toPlannedCommand(Order, 'changeQuantity', order.stream, { line: orderLine, quantity: leftAfter }, about)
}
