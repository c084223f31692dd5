import { describe, expect, it } from 'vitest'
import type { OrderRow, StockRow } from '@tidemark/depot/domain'
import { toLocalHits, toOrderFilter, toStockFilter } from './local-hits.ts'

const order = { number: '536365', customer: 'Jane Doe', country: 'EIRE', note: 'ring' } as OrderRow
const product = { code: '71053', description: 'WHITE METAL LANTERN' } as StockRow
const synced = <Row>(key: string, row: Row) => ({ key, row, pending: 0, attention: false, stale: false })

describe('a search on the device', () => {
  it('wants every word, in whatever field', () => {
    expect(toOrderFilter('jane eire')(order)).toBe(true)
    expect(toOrderFilter('jane france')(order)).toBe(false)
    expect(toStockFilter('lant white')(product)).toBe(true)
    expect(toStockFilter('lantren')(product)).toBe(false)
  })
  it('for nothing finds nothing', () => {
    expect(toOrderFilter('  ')(order)).toBe(false)
    expect(toStockFilter('')(product)).toBe(false)
  })
  it('shows what it finds as the server would', () => {
    expect(toLocalHits([synced('order/1', order)], [synced('product/71053', product)])).toEqual([
      { kind: 'order', stream: 'order/1', title: '536365', detail: 'Jane Doe · EIRE', line: '' },
      { kind: 'product', stream: 'product/71053', title: '71053', detail: 'WHITE METAL LANTERN', line: '' },
    ])
  })
})
