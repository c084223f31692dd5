import { query } from '@tidemark/core'
import { z } from 'zod'

export const SearchHit = z.object({
  kind: z.enum(['order', 'product']),
  stream: z.string(),
  /** Order number, or stock code. */
  title: z.string(),
  /** Customer and country, or what the product is. */
  detail: z.string(),
  /** The line of the order that matches, where the order itself does not; else empty. */
  line: z.string(),
})
export type SearchHit = z.infer<typeof SearchHit>

/** Orders and products by any of their words, the best matches first; misspelt words find what is near. */
export const Search = query('search', {
  input: z.object({ text: z.string().max(200) }),
  output: z.object({
    hits: z.array(SearchHit),
    /** There are more than these. */
    more: z.boolean(),
  }),
})

/** What was shipped and what came back, day by day. */
export const DailyRevenue = query('daily-revenue', {
  input: z.object({ days: z.int().min(1).max(366) }),
  output: z.object({
    /** Every day up to the last on which anything was shipped or returned, oldest first. */
    days: z.array(
      z.object({
        /** ISO date, UTC. */
        day: z.string(),
        /** Pence: shipped less returned. */
        revenue: z.int(),
        /** Orders shipped. */
        orders: z.int(),
        /** Pieces returned. */
        returned: z.int(),
      }),
    ),
  }),
})

/** What the house holds, all products together. */
export const StockTotals = query('stock-totals', {
  input: z.object({}),
  output: z.object({
    /** That are registered. */
    products: z.int(),
    onHand: z.int(),
    reserved: z.int(),
    /** Pence: pieces on hand at their price. */
    value: z.int(),
  }),
})
