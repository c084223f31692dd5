import type { SyncedRow } from '@tidemark/client'
import type { OrderRow, SearchHit, StockRow } from '@tidemark/depot/domain'
import { matchesWords, searchWords } from '../ui/text-match.ts'

/** What a search on this device looks at: less than the server's, which also knows the lines of orders. */
export function toOrderFilter(text: string): (row: OrderRow) => boolean {
  const words = searchWords(text)
  return (row) => words.length > 0 && matchesWords(words, [row.number, row.customer, row.country, row.note])
}

export function toStockFilter(text: string): (row: StockRow) => boolean {
  const words = searchWords(text)
  return (row) => words.length > 0 && matchesWords(words, [row.code, row.description])
}

/** Rows of this device in the shape of the server's hits. */
export function toLocalHits(
  orders: readonly SyncedRow<OrderRow>[],
  products: readonly SyncedRow<StockRow>[],
): readonly SearchHit[] {
  return [
    ...orders.map(({ key, row }) => ({
      kind: 'order' as const,
      stream: key,
      title: row.number,
      detail: [row.customer, row.country].filter(Boolean).join(' · '),
      line: '',
    })),
    ...products.map(({ key, row }) => ({
      kind: 'product' as const,
      stream: key,
      title: row.code,
      detail: row.description,
      line: '',
    })),
  ]
}
