import type { InvoiceLine } from './invoice-line.ts'
import { meaningOf } from './sort-out.ts'

export interface ProductNeed {
  readonly description: string
  /** Pence. */
  readonly unitPrice: number
  /** Pieces in the house before the file's first day. */
  readonly opening: number
  readonly firstLine: number
}

const DOZEN = 12
/** The most that one delivery can be. */
const MOST = 1_000_000

/**
 * Every product the file names, with the first description and price it is sold under. The file has no stock counts:
 * the opening stock is what the file's days need and a fifth more, in dozens.
 */
export function toProductNeeds(lines: readonly InvoiceLine[]): ReadonlyMap<string, ProductNeed> {
  const needs = new Map<string, { description: string; unitPrice: number; pieces: number; firstLine: number }>()
  for (const line of lines) {
    let need = needs.get(line.product)
    if (need === undefined) {
      need = { description: '', unitPrice: 0, pieces: 0, firstLine: line.number }
      needs.set(line.product, need)
    }
    const meaning = meaningOf(line)
    if (meaning !== 'counted') {
      need.description ||= line.description
      need.unitPrice ||= line.unitPrice
    }
    if (meaning === 'sold' || (meaning === 'counted' && line.quantity < 0)) need.pieces += Math.abs(line.quantity)
  }
  return new Map(
    [...needs].map(([product, { description, unitPrice, pieces, firstLine }]) => [
      product,
      {
        description: description === '' ? `Product ${product}` : description,
        unitPrice,
        opening: Math.min(MOST, (Math.ceil((pieces * 1.2) / DOZEN) + 1) * DOZEN),
        firstLine,
      },
    ]),
  )
}
