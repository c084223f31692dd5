import type { RowQuery } from '@tidemark/client'
import type { OrderRow } from '@tidemark/depot/domain'
import { matchesWords, searchWords } from '../ui/text-match.ts'

export const ORDER_STATUSES = ['open', 'shipped', 'cancelled'] as const
export const ORDER_SORTS = ['newest', 'updated', 'total', 'customer'] as const
export type OrderStatus = (typeof ORDER_STATUSES)[number]
export type OrderSort = (typeof ORDER_SORTS)[number]

export interface OrderQuery {
  readonly text: string
  readonly status: OrderStatus | undefined
  readonly sort: OrderSort
}

const INDEXES: Readonly<Record<OrderSort, string>> = {
  newest: 'recent',
  updated: 'updated',
  total: 'byTotal',
  customer: 'byCustomer',
}

/** Reads the list's state from the address; what it does not know is left at its default. */
export function readOrderQuery(params: URLSearchParams): OrderQuery {
  return {
    text: params.get('q') ?? '',
    status: ORDER_STATUSES.find((status) => status === params.get('status')),
    sort: ORDER_SORTS.find((sort) => sort === params.get('sort')) ?? 'newest',
  }
}

/** The rows to ask for. Newest first within a status has an index of its own. */
export function toOrderRows({ text, status, sort }: OrderQuery): RowQuery<OrderRow> {
  const words = searchWords(text)
  return {
    index: status !== undefined && sort === 'newest' ? 'byStatus' : INDEXES[sort],
    ...(status === undefined ? {} : { where: { status } }),
    ...(words.length === 0
      ? {}
      : { filter: (row: OrderRow) => matchesWords(words, [row.number, row.customer, row.note]) }),
  }
}
