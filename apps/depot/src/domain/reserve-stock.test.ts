import { given } from '@tidemark/testing'
import { describe, it } from 'vitest'
import { Order } from './order.ts'
import { IMPORTER_ID, ReserveStock } from './reserve-stock.ts'

const A = '0197b000-0000-7000-8000-000000000001'
const B = '0197b000-0000-7000-8000-000000000002'

const order = given(Order, { key: 'seven' }).by({ roles: ['clerk'] })
const placing = { number: 'D-7', customer: { firstName: '', lastName: 'Doe' }, country: '', note: '' }
const placed = order.events([['placed', placing]])
const lantern = { product: '71053', description: 'LANTERN', quantity: 6, unitPrice: 339 }
const lined = placed.events([['lineAdded', { ...lantern, line: A }]])
const both = lined.events([['lineAdded', { ...lantern, line: B, product: '84029G', quantity: 2 }]])

describe('stock follows orders:', () => {
  it('a line reserves what it wants', () => {
    lined.reacts(ReserveStock).thenSends(['product/71053', 'reserveForLine', { line: A, quantity: 6, order: 'D-7' }])
    placed.reacts(ReserveStock).thenSendsNothing()
  })

  it('a line that cannot be served is marked with what was free', () => {
    lined
      .reacts(ReserveStock)
      .whenRefused('not_enough_stock', { free: 4 })
      .thenSends(['order/seven', 'markShort', { line: A, wanted: 6, free: 4 }])
  })

  it('a changed line reserves what it wants now, and so does one that is asked for again', () => {
    const wish = ['product/71053', 'reserveForLine', { line: A, quantity: 9, order: 'D-7' }] as const
    const changed = both.events([['quantityChanged', { line: A, quantity: 9 }]])
    changed.reacts(ReserveStock).thenSends(wish)
    changed
      .events([['stockAsked', { line: A }]])
      .reacts(ReserveStock)
      .thenSends(wish)
  })

  it('a removed line gives back what it had', () => {
    both
      .events([['lineRemoved', { line: A }]])
      .reacts(ReserveStock)
      .thenSends(['product/71053', 'releaseForLine', { line: A, order: 'D-7' }])
  })

  it('a cancelled order gives back everything, and a shipped one takes it out of the house', () => {
    both
      .events([['cancelled', { reason: '' }]])
      .reacts(ReserveStock)
      .thenSends(
        ['product/71053', 'releaseForLine', { line: A, order: 'D-7' }],
        ['product/84029G', 'releaseForLine', { line: B, order: 'D-7' }],
      )
    both
      .events([['shipped', { carrier: 'DPD' }]])
      .reacts(ReserveStock)
      .thenSends(
        ['product/71053', 'issueForLine', { line: A, order: 'D-7' }],
        ['product/84029G', 'issueForLine', { line: B, order: 'D-7' }],
      )
  })

  it('what is typed and no stock code has no stock', () => {
    placed
      .events([['lineAdded', { ...lantern, line: A, product: 'two words' }]])
      .reacts(ReserveStock)
      .thenSends(['order/seven', 'markShort', { line: A, wanted: 6, free: 0 }])
  })

  it('imported orders, and those from before, reserve nothing', () => {
    const events = [
      ['placed', placing],
      ['lineAdded', { ...lantern, line: A }],
    ] as const
    given(Order, { by: { id: IMPORTER_ID } })
      .events(events)
      .reacts(ReserveStock)
      .thenSendsNothing()
    given(Order, { at: '2010-12-31T23:59:59.999Z' }).events(events).reacts(ReserveStock).thenSendsNothing()
  })
})
