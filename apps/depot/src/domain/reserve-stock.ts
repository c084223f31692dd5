import { isStreamKey, parseStreamId, reaction, type Send, type SentCommand } from '@tidemark/core'
import { Order, type OrderLine, type OrderState } from './order.ts'
import { Product } from './product.ts'

/** Who files of old orders are imported as; see `src/server/import`. */
export const IMPORTER_ID = 'import'

/** The day from which stock is reserved: what happened before is in the counts already. */
const SINCE = '2011-01-01T00:00:00.000Z'

/**
 * Stock follows orders: a line reserves what it wants, or is marked where there is not enough; what is cancelled or removed
 * is released, and what is shipped leaves the house. What is imported, or older than {@link SINCE}, is a record of what
 * happened long ago and reserves nothing.
 */
export const ReserveStock = reaction('reserve-stock', {
  on: Order,
  when: (event) => event.principal !== IMPORTER_ID && event.occurredAt >= SINCE,
  react: {
    lineAdded: (order, e, { send }) => reserve(send, order, e.streamId, e.data.line),
    quantityChanged: (order, e, { send }) => reserve(send, order, e.streamId, e.data.line),
    stockAsked: (order, e, { send }) => reserve(send, order, e.streamId, e.data.line),
    lineRemoved: (order, e, { send, before }) => {
      const { line } = e.data
      const product = before.lines[line]?.product
      return product === undefined ? [] : settle(send, order, 'releaseForLine', line, product)
    },
    cancelled: (order, _, { send }) => settleAll(send, order, 'releaseForLine'),
    shipped: (order, _, { send }) => settleAll(send, order, 'issueForLine'),
  },
})

function reserve(send: Send, order: OrderState, stream: string, line: string): SentCommand | undefined {
  const wanted: OrderLine | undefined = order.lines[line]
  const key = parseStreamId(stream)?.key
  if (wanted === undefined || key === undefined) return undefined
  const { product, quantity } = wanted
  const markShort = (free: number): SentCommand => send(Order, key, 'markShort', { line, wanted: quantity, free })
  // People may type anything for a product; what cannot be one has no stock.
  if (!isStreamKey(product)) return markShort(0)
  const input = { line, quantity, order: order.number }
  return send(Product, product, 'reserveForLine', input, {
    onRefused: ({ params }) => markShort(Number(params['free'] ?? 0)),
  })
}

function settleAll(send: Send, order: OrderState, command: 'releaseForLine' | 'issueForLine'): readonly SentCommand[] {
  return Object.entries(order.lines).flatMap(([line, { product }]) => settle(send, order, command, line, product))
}

function settle(
  send: Send,
  order: OrderState,
  command: 'releaseForLine' | 'issueForLine',
  line: string,
  product: string,
): readonly SentCommand[] {
  return isStreamKey(product) ? [send(Product, product, command, { line, order: order.number })] : []
}
