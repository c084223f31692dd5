import { aggregate, defineDomain, event, projection, type Domain } from '@tidemark/core'
import * as z from 'zod'

const Line = z.object({
  customer: z.string(),
  items: z.array(z.object({ sku: z.string(), quantity: z.int().positive() })),
})

/** The log's events, as `append` stores them. */
const Order = aggregate('order', {
  initial: () => ({ lines: 0 }),
  events: { lineAdded: event(Line) },
  evolve: { lineAdded: (state) => ({ lines: state.lines + 1 }) },
  commands: () => ({}),
})

/** One row per order: every event changes one. */
const Lines = projection('lines', {
  on: Order,
  row: z.object({ customer: z.string(), lines: z.int(), quantity: z.int() }),
  fold: {
    lineAdded: (row, e) => ({
      customer: e.data.customer,
      lines: (row?.lines ?? 0) + 1,
      quantity: (row?.quantity ?? 0) + e.data.items.reduce((sum, item) => sum + item.quantity, 0),
    }),
  },
})

/** With the state of each order beside it, as clients that send commands need it: two rows per event. */
export const withStates: Domain = defineDomain({ name: 'lines', aggregates: [Order], projections: [Lines] })
/** The list alone, which is what the peers keep. */
export const lines: Domain = { ...withStates, projections: [Lines] }
