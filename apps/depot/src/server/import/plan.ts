import { derivedIdOf, type Principal, type Uuid } from '@tidemark/core'
import { Order, Product } from '../../domain/index.ts'
import { contentId } from './command-id.ts'
import type { DirtyLine, InvoiceLine } from './invoice-line.ts'
import { createOrderBook, type BookedOrder } from './order-book.ts'
import { planCancellation } from './plan-cancellation.ts'
import { toPlannedCommand, type PlannedCommand } from './planned-command.ts'
import { toProductNeeds } from './product-needs.ts'
import { meaningOf, sortOut } from './sort-out.ts'

export interface ImportPlan {
  /** Data lines read: `planned + dirty.length`, each line in exactly one of the two. */
  readonly lines: number
  /** Lines that at least one command stands for. */
  readonly planned: number
  readonly dirty: readonly DirtyLine[]
  /** In an order in which every stream's commands hold. */
  readonly commands: readonly PlannedCommand[]
}

interface OpenOrder {
  readonly booked: BookedOrder
  readonly shipsAt: string
}

const CARRIER = 'Royal Mail'

/**
 * Turns the lines of an invoice file into commands by walking through its days: what was sold, shipped, taken back and
 * counted, in the order it happened. Pure: the same lines for the same principal give the same commands with the same
 * ids. The rules, and where they guess, are in this folder's README.
 */
export function planImport(
  read: readonly (InvoiceLine | DirtyLine)[],
  principal: Pick<Principal, 'id' | 'tenant'>,
): ImportPlan {
  const { tenant } = principal
  const { lines, dirty } = sortOut(read)
  const commands = planProducts(lines, tenant)
  const idsOf = createLineIds(tenant)
  const lastLineByInvoice = new Map(lines.map((line) => [line.invoice, line.at]))
  const linesByCancellation = byInvoice(lines.filter((line) => line.cancellation))
  const book = createOrderBook()
  const openByInvoice = new Map<string, OpenOrder>()

  const shipUntil = (at: string): void => {
    for (const [invoice, { booked, shipsAt }] of openByInvoice) {
      if (shipsAt > at) continue
      openByInvoice.delete(invoice)
      if (booked.status !== 'open') continue
      booked.status = 'shipped'
      const id = contentId(shipsAt, tenant, 'ship', invoice)
      commands.push(
        toPlannedCommand(Order, 'ship', booked.stream, { carrier: CARRIER }, { id, occurredAt: shipsAt, lines: [] }),
      )
    }
  }

  const sell = (line: InvoiceLine, id: Uuid): void => {
    let order = openByInvoice.get(line.invoice)
    if (order === undefined) {
      const booked = toBookedOrder(line, tenant)
      order = { booked, shipsAt: nextMorning(lastLineByInvoice.get(line.invoice) ?? line.at) }
      openByInvoice.set(line.invoice, order)
      if (line.customer !== '') book.add(line.customer, booked)
      commands.push(planPlacing(line, booked, tenant))
    }
    const { product, quantity, unitPrice } = line
    const description = line.description === '' ? product : line.description
    const input = { product, description, quantity, unitPrice }
    commands.push(
      toPlannedCommand(Order, 'addLine', order.booked.stream, input, { id, occurredAt: line.at, lines: [line.number] }),
    )
    order.booked.lines.push({ id: derivedIdOf(id, principal, 'line'), product, left: quantity })
  }

  let hour = ''
  for (const line of lines) {
    // Parcels leave on the hour; looking once per hour keeps a year's file linear.
    if (hour !== line.at.slice(0, 13)) shipUntil(line.at)
    hour = line.at.slice(0, 13)
    switch (meaningOf(line)) {
      case 'sold':
        sell(line, idsOf(line)('add'))
        break
      case 'counted':
        commands.push(planAdjustment(line, line.quantity, countReason(line), idsOf(line)('adjust')))
        break
      case 'taken-back': {
        const invoice = linesByCancellation.get(line.invoice)
        // All of an invoice is taken back at its first line: only together do its lines tell a whole order.
        if (invoice === undefined) break
        linesByCancellation.delete(line.invoice)
        const adjust = (of: InvoiceLine, id: Uuid) =>
          planAdjustment(of, -of.quantity, 'Customer return without a known order', id)
        commands.push(
          ...planCancellation(
            invoice.map((of) => ({ line: of, idOf: idsOf(of) })),
            { tenant, book, adjust },
          ),
        )
      }
    }
  }
  const lastDay = lines.at(-1)?.at.slice(0, 10)
  if (lastDay !== undefined) shipUntil(`${lastDay}T23:59:59.999Z`)
  return { lines: read.length, planned: lines.length, dirty, commands }
}

function byInvoice(lines: readonly InvoiceLine[]): Map<string, InvoiceLine[]> {
  const linesByInvoice = new Map<string, InvoiceLine[]>()
  for (const line of lines) {
    const known = linesByInvoice.get(line.invoice)
    if (known === undefined) linesByInvoice.set(line.invoice, [line])
    else known.push(line)
  }
  return linesByInvoice
}

function planProducts(lines: readonly InvoiceLine[], tenant: string): PlannedCommand[] {
  const firstDay = lines[0]?.at.slice(0, 10)
  if (firstDay === undefined) return []
  const occurredAt = `${firstDay}T00:00:00.000Z`
  return [...toProductNeeds(lines)].flatMap(([product, { description, unitPrice, opening, firstLine }]) => {
    const stream = Product.stream(product)
    const about = (what: string) => ({
      id: contentId(occurredAt, tenant, what, product),
      occurredAt,
      lines: [firstLine],
    })
    return [
      toPlannedCommand(Product, 'register', stream, { description, unitPrice }, about('register')),
      toPlannedCommand(Product, 'receive', stream, { quantity: opening, reference: 'Opening stock' }, about('receive')),
    ]
  })
}

function planPlacing(line: InvoiceLine, order: BookedOrder, tenant: string): PlannedCommand {
  const customer =
    line.customer === ''
      ? { firstName: 'Walk-in', lastName: 'customer' }
      : { firstName: 'Customer', lastName: line.customer }
  return toPlannedCommand(
    Order,
    'place',
    order.stream,
    { number: line.invoice, customer, country: line.country, note: '' },
    { id: contentId(line.at, tenant, 'place', line.invoice), occurredAt: line.at, lines: [line.number] },
  )
}

function planAdjustment(line: InvoiceLine, by: number, reason: string, id: Uuid): PlannedCommand {
  const about = { id, occurredAt: line.at, lines: [line.number] }
  return toPlannedCommand(Product, 'adjust', Product.stream(line.product), { by, reason }, about)
}

function countReason(line: InvoiceLine): string {
  if (line.description !== '') return line.description
  return line.quantity > 0 ? 'Found' : 'Stock correction'
}

function toBookedOrder(line: InvoiceLine, tenant: string): BookedOrder {
  return {
    number: line.invoice,
    stream: Order.stream(contentId(line.at, tenant, 'order', line.invoice)),
    status: 'open',
    lines: [],
  }
}

/** The id of each command of a line, from its content and from how many lines before it were exactly the same. */
function createLineIds(tenant: string): (line: InvoiceLine) => (part: string) => Uuid {
  const seen = new Map<string, number>()
  return (line) => {
    const content = JSON.stringify(line.raw)
    const occurrence = seen.get(content) ?? 0
    seen.set(content, occurrence + 1)
    return (part) => contentId(line.at, tenant, 'line', content, String(occurrence), part)
  }
}

function nextMorning(at: string): string {
  const next = new Date(`${at.slice(0, 10)}T08:00:00.000Z`)
  next.setUTCDate(next.getUTCDate() + 1)
  return next.toISOString()
}
