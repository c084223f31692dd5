import { expect, test } from 'vitest'
import type { StockRow } from '@tidemark/depot/domain'
import { LOW_STOCK, readStockQuery, toStockRows } from './stock-query.ts'

const row: StockRow = {
  code: '85123A',
  description: 'WHITE HANGING HEART',
  unitPrice: 255,
  onHand: 20,
  reserved: 0,
  free: 20,
  updatedAt: '2010-12-01T08:26:00.000Z',
}
const rowsFor = (search: string) => toStockRows(readStockQuery(new URLSearchParams(search)))

test('without a search or filter no row has to be looked at', () => {
  expect(rowsFor('')).toEqual({ index: 'byDescription' })
  expect(rowsFor('sort=scarce')).toEqual({ index: 'scarce' })
})

test('low stock is what is free, not what is on hand', () => {
  const { filter } = rowsFor('show=low')
  expect(filter?.(row)).toBe(false)
  expect(filter?.({ ...row, free: LOW_STOCK - 1 })).toBe(true)
  expect(filter?.({ ...row, free: LOW_STOCK })).toBe(false)
})

test('a product is found by code or description, and only if it is low where that is asked', () => {
  expect(rowsFor('q=85123a').filter?.(row)).toBe(true)
  expect(rowsFor('q=heart+white').filter?.(row)).toBe(true)
  expect(rowsFor('q=heart&show=low').filter?.(row)).toBe(false)
})
