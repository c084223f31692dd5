import type { RowQuery } from '@tidemark/client'
import type { StockRow } from '@tidemark/depot/domain'
import { matchesWords, searchWords } from '../ui/text-match.ts'

export const STOCK_SORTS = ['description', 'code', 'scarce', 'updated'] as const
export type StockSort = (typeof STOCK_SORTS)[number]

/** Fewer free than this is low. */
export const LOW_STOCK = 10

export interface StockQuery {
  readonly text: string
  readonly low: boolean
  readonly sort: StockSort
}

const INDEXES: Readonly<Record<StockSort, string>> = {
  description: 'byDescription',
  code: 'byCode',
  scarce: 'scarce',
  updated: 'updated',
}

export function readStockQuery(params: URLSearchParams): StockQuery {
  return {
    text: params.get('q') ?? '',
    low: params.get('show') === 'low',
    sort: STOCK_SORTS.find((sort) => sort === params.get('sort')) ?? 'description',
  }
}

export function toStockRows({ text, low, sort }: StockQuery): RowQuery<StockRow> {
  const words = searchWords(text)
  const index = INDEXES[sort]
  if (words.length === 0 && !low) return { index }
  return {
    index,
    filter: (row) => (!low || isLow(row)) && matchesWords(words, [row.code, row.description]),
  }
}

export function isLow(row: Pick<StockRow, 'free'>): boolean {
  return row.free < LOW_STOCK
}
