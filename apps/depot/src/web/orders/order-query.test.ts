import { expect, test } from 'vitest'
import type { OrderRow } from '@tidemark/depot/domain'
import { readOrderQuery, toOrderRows } from './order-query.ts'

const row: OrderRow = {
  number: '536365',
  customer: 'Renée Dubois',
  country: 'France',
  status: 'open',
  note: 'Ring twice',
  lines: 1,
  units: 6,
  total: 1_530,
  returned: 0,
  short: [],
  placedAt: '2010-12-01T08:26:00.000Z',
  updatedAt: '2010-12-01T08:26:00.000Z',
  amounts: {},
}
const rowsFor = (search: string) => toOrderRows(readOrderQuery(new URLSearchParams(search)))

test('without anything in the address the newest orders come first, all of them', () => {
  expect(rowsFor('')).toEqual({ index: 'recent' })
})

test('newest within a status reads the index that is made for it', () => {
  expect(rowsFor('status=open')).toEqual({ index: 'byStatus', where: { status: 'open' } })
})

test('another order within a status keeps that order and compares the status', () => {
  expect(rowsFor('status=shipped&sort=total')).toEqual({ index: 'byTotal', where: { status: 'shipped' } })
})

test('what the address says that the list does not know is ignored', () => {
  expect(rowsFor('status=lost&sort=colour')).toEqual({ index: 'recent' })
})

test('every word must occur in number, customer or note, accents and case aside', () => {
  const matches = (text: string): boolean => rowsFor(`q=${encodeURIComponent(text)}`).filter?.(row) ?? true
  expect(matches('renee 5363')).toBe(true)
  expect(matches('RING')).toBe(true)
  expect(matches('renee 999')).toBe(false)
  expect(matches('france')).toBe(false)
  expect(matches('   ')).toBe(true)
})
