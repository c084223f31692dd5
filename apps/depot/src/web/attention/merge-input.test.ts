import { expect, test } from 'vitest'
import type { Attention } from '@tidemark/client'
import { Order, type OrderState } from '@tidemark/depot/domain'
import { mergeInput, suitsBoth } from './merge-input.ts'

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

function conflict(type: string, input: Attention['input'], theirs: OrderState | undefined, seen = true): Attention {
  return {
    id: 'attention',
    commandId: '01900000-0000-7000-8000-000000000001',
    type,
    stream: 'order/a',
    at: base.placedAt,
    input,
    occurredAt: base.placedAt,
    reason: {
      kind: 'conflict',
      base: seen ? { version: 1, state: base } : undefined,
      mine: { events: [], state: undefined },
      theirs: { events: [], version: 2, state: theirs },
    },
    blocked: [],
  }
}

test('a first name and a last name that two people changed suit both', () => {
  const theirs = { ...base, customer: { firstName: 'Mary', lastName: 'Field' } }
  const input = { customer: { firstName: 'Rosa', lastName: 'Fielding' } }
  const merge = mergeInput(conflict(Order.commands.changeCustomer.type, input, theirs))
  expect(suitsBoth(merge)).toBe(true)
  expect(merge?.value).toEqual({ customer: { firstName: 'Rosa', lastName: 'Field' } })
})

test('two notes, or two quantities of one line, do not', () => {
  const note = mergeInput(conflict(Order.commands.setNote.type, { note: 'mine' }, { ...base, note: 'theirs' }))
  expect(note?.conflicts).toEqual([{ path: '/note', base: 'before', mine: 'mine', theirs: 'theirs' }])
  expect(suitsBoth(note)).toBe(false)
  const changed = { ...base, lines: { a: { ...line, quantity: 9 } } }
  const quantity = mergeInput(conflict(Order.commands.changeQuantity.type, { line: 'a', quantity: 8 }, changed))
  expect(quantity?.conflicts).toEqual([{ path: '/quantity', base: 6, mine: 8, theirs: 9 }])
})

test('the same on both sides is nothing to merge, and keeping mine is all there is to do', () => {
  const merge = mergeInput(conflict(Order.commands.setNote.type, { note: 'same' }, { ...base, note: 'same' }))
  expect(merge?.conflicts).toEqual([])
  expect(suitsBoth(merge)).toBe(false)
})

test('where a version is not known, a line is gone, or nothing is set, nothing is merged', () => {
  expect(mergeInput(conflict(Order.commands.setNote.type, { note: 'x' }, undefined))).toBeUndefined()
  expect(mergeInput(conflict(Order.commands.setNote.type, { note: 'x' }, base, false))).toBeUndefined()
  const gone = { ...base, lines: {} }
  expect(mergeInput(conflict(Order.commands.changeQuantity.type, { line: 'a', quantity: 8 }, gone))).toBeUndefined()
  expect(mergeInput(conflict(Order.commands.ship.type, { carrier: 'DPD' }, gone))).toBeUndefined()
})
