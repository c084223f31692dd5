import type { StreamId, Uuid } from '@tidemark/core'

/** What the planner knows of an order at one moment of the file's time. */
export interface BookedOrder {
  readonly number: string
  readonly stream: StreamId
  status: 'open' | 'shipped' | 'cancelled'
  readonly lines: BookedLine[]
}

export interface BookedLine {
  readonly id: Uuid
  readonly product: string
  /** Pieces that have not been taken back. */
  left: number
}

/** Pieces of one order line that a cancellation takes back. */
export interface Taking {
  readonly order: BookedOrder
  readonly line: BookedLine
  readonly quantity: number
  /** What is left of the line then. */
  readonly leftAfter: number
}

/** The orders so far, by customer: what cancellations are matched against. */
export interface OrderBook {
  add(customer: string, order: BookedOrder): void
  /**
   * Takes pieces of a product back from the customer's orders, the most recent first: from one order that has enough
   * left, else from several. `undefined`, and nothing is taken, where all of them together have too few.
   */
  take(customer: string, product: string, quantity: number): readonly Taking[] | undefined
}

export function createOrderBook(): OrderBook {
  const ordersByCustomer = new Map<string, BookedOrder[]>()
  return {
    add: (customer, order) => {
      const orders = ordersByCustomer.get(customer)
      if (orders === undefined) ordersByCustomer.set(customer, [order])
      else orders.push(order)
    },
    take: (customer, product, quantity) => {
      const recent = (ordersByCustomer.get(customer) ?? []).filter((order) => order.status !== 'cancelled').toReversed()
      const enough = recent.find((order) => leftOf(order, product) >= quantity)
      const sources = enough === undefined ? recent : [enough]
      if (sources.reduce((sum, order) => sum + leftOf(order, product), 0) < quantity) return undefined
      return takeFrom(sources, product, quantity)
    },
  }
}

function takeFrom(orders: readonly BookedOrder[], product: string, quantity: number): readonly Taking[] {
  const takings: Taking[] = []
  let wanted = quantity
  for (const order of orders) {
    for (const line of order.lines) {
      if (line.product !== product || line.left === 0 || wanted === 0) continue
      const taken = Math.min(line.left, wanted)
      line.left -= taken
      wanted -= taken
      takings.push({ order, line, quantity: taken, leftAfter: line.left })
    }
  }
  return takings
}

function leftOf(order: BookedOrder, product: string): number {
  return order.lines.reduce((sum, line) => sum + (line.product === product ? line.left : 0), 0)
}
