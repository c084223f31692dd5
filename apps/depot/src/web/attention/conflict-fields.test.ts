import { expect, test } from 'vitest'
import type { OrderState, ProductState } from '@tidemark/depot/domain'
import { conflictFields } from './conflict-fields.ts'

const line = { product: '22423', description: 'Cake stand', quantity: 6, unitPrice: 1_275, returned: 0 }
const base: OrderState = {
  status: 'open',
  number: 'D-1',
  customer: { firstName: 'Mary', lastName: 'Fielding' },
  country: 'UK',
  note: 'before',
  carrier: '',
  placedAt: '2026-03-03T10:00:00.000Z',
  lines: { a: line },
  short: {},
}

test('what both changed comes first, what nobody changed does not come at all', () => {
  const mine = { ...base, note: 'mine' }
  const theirs = { ...base, note: 'theirs', customer: { firstName: 'Rosa', lastName: 'Fielding' } }
  expect(conflictFields('order', base, mine, theirs)).toEqual([
    { key: 'note', label: 'Note', base: 'before', mine: 'mine', theirs: 'theirs', changedBy: 'both' },
    {
      key: 'customer',
      label: 'Customer',
      base: 'Mary Fielding',
      mine: 'Mary Fielding',
      theirs: 'Rosa Fielding',
      changedBy: 'them',
    },
  ])
})

test('a line has its product as label, and is not there where it was removed or not added yet', () => {
  const added = { ...line, product: '85123A', description: '', quantity: 2, unitPrice: 255 }
  const mine = { ...base, lines: { a: { ...line, quantity: 8 } } }
  const theirs = { ...base, lines: { b: added } }
  expect(conflictFields('order', base, mine, theirs)).toEqual([
    { key: 'line:a', label: 'Cake stand', base: '6 × £12.75', mine: '8 × £12.75', theirs: null, changedBy: 'both' },
    { key: 'line:b', label: '85123A', base: null, mine: null, theirs: '2 × £2.55', changedBy: 'them' },
  ])
})

test('a version that is not known claims no change', () => {
  expect(conflictFields('order', base, { ...base, note: 'mine' }, undefined)).toEqual([
    { key: 'note', label: 'Note', base: 'before', mine: 'mine', theirs: 'before', changedBy: 'me' },
  ])
})

test('where the base is not known, mine and theirs are still set side by side', () => {
  const fields = conflictFields('order', undefined, { ...base, note: 'mine' }, { ...base, note: 'theirs' })
  expect(fields.find(({ key }) => key === 'note')).toMatchObject({ base: null, mine: 'mine', theirs: 'theirs' })
})

test('a product is compared by its figures', () => {
  const product: ProductState = {
    registered: true,
    description: 'Cake stand',
    unitPrice: 1_275,
    onHand: 20,
    reserved: 5,
    promised: {},
  }
  expect(conflictFields('product', product, { ...product, onHand: 18 }, { ...product, onHand: 12 })).toEqual([
    { key: 'onHand', label: 'On hand', base: '20', mine: '18', theirs: '12', changedBy: 'both' },
  ])
})
