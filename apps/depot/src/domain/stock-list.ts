import { projection } from '@tidemark/core'
import { z } from 'zod'
import { Product } from './product.ts'

export const StockRow = z.object({
  code: z.string(),
  description: z.string(),
  /** Pence. */
  unitPrice: z.int(),
  onHand: z.int(),
  reserved: z.int(),
  /** On hand and not promised. */
  free: z.int(),
  updatedAt: z.string(),
})
export type StockRow = z.infer<typeof StockRow>

/** One row per product, for the stock screen and for choosing a product. */
export const StockList = projection('stock-list', {
  on: Product,
  version: 2,
  row: StockRow,
  fold: {
    registered: (row, e) => ({
      ...(row ?? empty(e.streamId)),
      description: e.data.description,
      unitPrice: e.data.unitPrice,
      updatedAt: e.occurredAt,
    }),
    received: (row, e) => counted(row ?? empty(e.streamId), e.occurredAt, e.data.quantity, 0),
    adjusted: (row, e) => counted(row ?? empty(e.streamId), e.occurredAt, e.data.by, 0),
    reserved: (row, e) => counted(row ?? empty(e.streamId), e.occurredAt, 0, e.data.quantity),
    released: (row, e) => counted(row ?? empty(e.streamId), e.occurredAt, 0, -e.data.quantity),
    issued: (row, e) => counted(row ?? empty(e.streamId), e.occurredAt, -e.data.quantity, -e.data.quantity),
  },
  indexes: { byCode: ['code'], byDescription: ['description'], scarce: ['free'], updated: ['-updatedAt'] },
})

function empty(streamId: string): StockRow {
  return {
    code: streamId.slice('product/'.length),
    description: '',
    unitPrice: 0,
    onHand: 0,
    reserved: 0,
    free: 0,
    updatedAt: '',
  }
}

function counted(row: StockRow, at: string, onHand: number, reserved: number): StockRow {
  const next = { onHand: row.onHand + onHand, reserved: row.reserved + reserved }
  return { ...row, ...next, free: next.onHand - next.reserved, updatedAt: at }
}
