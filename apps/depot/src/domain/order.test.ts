import { given } from '@tidemark/testing'
import { describe, expect, it } from 'vitest'
import { customerName, Order, orderTotal, type OrderState } from './order.ts'

const LINE = '0197b000-0000-7000-8000-000000000001'
const OTHER = '0197b000-0000-7000-8000-000000000002'

const placing = {
  number: '536365',
  customer: { firstName: 'Jane', lastName: 'Doe' },
  country: 'EIRE',
  note: 'ring twice',
}
const lantern = { product: '71053', description: 'WHITE METAL LANTERN', quantity: 6, unitPrice: 339 }

const placed = ['placed', placing] as const
const added = ['lineAdded', { ...lantern, line: LINE }] as const
const shipped = ['shipped', { carrier: 'Royal Mail' }] as const
const cancelled = ['cancelled', { reason: 'changed their mind' }] as const

const AT = '2010-12-01T08:26:00.000Z'
const order = given(Order, { at: AT }).by({ roles: ['manager'] })
const open = order.events([placed, added])
const picker = { roles: ['picker'] }
const clerk = { roles: ['clerk'] }

const openState: OrderState = {
  status: 'open',
  ...placing,
  carrier: '',
  placedAt: AT,
  lines: { [LINE]: { ...lantern, returned: 0 } },
  short: {},
}

describe('placing an order', () => {
  it('opens it', () => {
    order
      .when('place', placing)
      .thenEvents([placed])
      .thenState({ ...openState, lines: {} })
  })

  it('leaves note and country empty where they are not given', () => {
    const { number, customer } = placing
    order.when('place', { number, customer }).thenEvents([['placed', { ...placing, country: '', note: '' }]])
  })

  it('happens once', () => {
    open.when('place', placing).thenRefused('already_placed', { number: '536365' })
  })

  it('is the office’s', () => {
    order.by(picker).when('place', placing).thenForbidden()
    order.by(clerk).when('place', placing).thenEvents([placed])
  })

  it('needs a number and a last name', () => {
    order.when('place', { ...placing, number: '' }).thenInvalid()
    order.when('place', { ...placing, customer: { firstName: 'Jane', lastName: '' } }).thenInvalid()
  })
})

describe('an order placed by the release before', () => {
  it.each([
    ['Jane Doe', { firstName: 'Jane', lastName: 'Doe' }],
    ['  Mary Ann   Smith ', { firstName: 'Mary Ann', lastName: 'Smith' }],
    ['Cher', { firstName: '', lastName: 'Cher' }],
  ])('of %j has first and last name', (customerName, customer) => {
    const { number, country, note } = placing
    order
      .events([['placed', { customerName, number, country, note }, { schema: 1 }], added])
      .thenState({ ...openState, customer })
  })
})

describe('adding a line', () => {
  it('gives it an id of its own', () => {
    order
      .events([placed])
      .when('addLine', lantern)
      .thenEvents(({ id }) => [['lineAdded', { ...lantern, line: id('line') }]])
  })

  it('needs an open order', () => {
    order.when('addLine', lantern).thenRefused('not_open', { status: 'new' })
    open.events([shipped]).when('addLine', lantern).thenRefused('not_open', { status: 'shipped' })
    open.events([cancelled]).when('addLine', lantern).thenRefused('not_open', { status: 'cancelled' })
  })

  it('needs whole pieces and whole pence', () => {
    for (const wrong of [
      { quantity: 0 },
      { quantity: 1.5 },
      { quantity: 1_000_001 },
      { unitPrice: -1 },
      { unitPrice: 0.5 },
      { product: '' },
    ]) {
      open.when('addLine', { ...lantern, ...wrong }).thenInvalid()
    }
  })

  it('is the office’s', () => {
    open.by(picker).when('addLine', lantern).thenForbidden()
  })
})

describe('changing a quantity', () => {
  it('changes the line and no other', () => {
    open
      .events([['lineAdded', { ...lantern, line: OTHER }]])
      .when('changeQuantity', { line: LINE, quantity: 2 })
      .thenEvents([['quantityChanged', { line: LINE, quantity: 2 }]])
      .thenState({
        ...openState,
        lines: { [LINE]: { ...lantern, quantity: 2, returned: 0 }, [OTHER]: { ...lantern, returned: 0 } },
      })
  })

  it('to what it is changes nothing', () => {
    open.when('changeQuantity', { line: LINE, quantity: 6 }).thenNothing()
  })

  it('needs an open order with that line', () => {
    open.when('changeQuantity', { line: OTHER, quantity: 2 }).thenRefused('no_such_line')
    open
      .events([shipped])
      .when('changeQuantity', { line: LINE, quantity: 2 })
      .thenRefused('not_open', { status: 'shipped' })
    open.by(picker).when('changeQuantity', { line: LINE, quantity: 2 }).thenForbidden()
  })
})

describe('removing a line', () => {
  it('takes it off the order', () => {
    open
      .when('removeLine', { line: LINE })
      .thenEvents([['lineRemoved', { line: LINE }]])
      .thenState({ ...openState, lines: {} })
  })

  it('that is gone changes nothing', () => {
    open.when('removeLine', { line: OTHER }).thenNothing()
  })

  it('needs an open order', () => {
    open.events([cancelled]).when('removeLine', { line: LINE }).thenRefused('not_open', { status: 'cancelled' })
    open.by(picker).when('removeLine', { line: LINE }).thenForbidden()
  })
})

describe('setting the note', () => {
  it('replaces it, also on a shipped order', () => {
    open
      .events([shipped])
      .when('setNote', { note: 'left with a neighbour' })
      .thenEvents([['noteSet', { note: 'left with a neighbour' }]])
  })

  it('to what it is changes nothing', () => {
    open.when('setNote', { note: 'ring twice' }).thenNothing()
  })

  it('needs an order', () => {
    order.when('setNote', { note: 'x' }).thenRefused('not_placed')
    open.by(picker).when('setNote', { note: 'x' }).thenForbidden()
    open.when('setNote', { note: 'x'.repeat(2_001) }).thenInvalid()
  })
})

describe('changing the customer', () => {
  const customer = { firstName: 'John', lastName: 'Roe' }

  it('replaces first and last name', () => {
    open
      .when('changeCustomer', { customer })
      .thenEvents([['customerChanged', { customer }]])
      .thenState({ ...openState, customer })
  })

  it('needs an open order', () => {
    open.events([shipped]).when('changeCustomer', { customer }).thenRefused('not_open', { status: 'shipped' })
    open.by(picker).when('changeCustomer', { customer }).thenForbidden()
  })
})

describe('shipping', () => {
  it('is done by whoever packs', () => {
    open
      .by(picker)
      .when('ship', { carrier: 'Royal Mail' })
      .thenEvents([shipped])
      .thenState({ ...openState, status: 'shipped', carrier: 'Royal Mail' })
    open.by(clerk).when('ship', { carrier: 'Royal Mail' }).thenForbidden()
  })

  it('needs an open order with at least one line', () => {
    order.events([placed]).when('ship', { carrier: 'Royal Mail' }).thenRefused('no_lines')
    open.events([shipped]).when('ship', { carrier: 'Royal Mail' }).thenRefused('not_open', { status: 'shipped' })
    open.when('ship', { carrier: '' }).thenInvalid()
  })
})

describe('cancelling', () => {
  it('closes an open order', () => {
    open
      .when('cancel', { reason: 'changed their mind' })
      .thenEvents([cancelled])
      .thenState({ ...openState, status: 'cancelled' })
  })

  it('is too late once it has shipped', () => {
    open.events([shipped]).when('cancel', { reason: '' }).thenRefused('not_open', { status: 'shipped' })
    order.when('cancel', { reason: '' }).thenRefused('not_open', { status: 'new' })
    open.by(picker).when('cancel', { reason: '' }).thenForbidden()
  })
})

describe('returning', () => {
  const back = open.events([shipped])

  it('takes back as many pieces as were sent and no more', () => {
    const four = { line: LINE, quantity: 4, reason: 'broken' }
    back.when('return', four).thenEvents([['returned', four]])
    const rest = back.events([['returned', four]])
    rest.when('return', { ...four, quantity: 3 }).thenRefused('more_than_shipped', { left: 2 })
    rest.when('return', { ...four, quantity: 2 }).thenEvents([['returned', { ...four, quantity: 2 }]])
  })

  it('needs a shipped order with that line', () => {
    open.when('return', { line: LINE, quantity: 1, reason: '' }).thenRefused('not_shipped', { status: 'open' })
    back.when('return', { line: OTHER, quantity: 1, reason: '' }).thenRefused('no_such_line')
    back.by(picker).when('return', { line: LINE, quantity: 1, reason: '' }).thenForbidden()
  })
})

describe('an order’s worth', () => {
  it('leaves out what came back', () => {
    const lines = {
      [LINE]: { ...lantern, returned: 2 },
      [OTHER]: { ...lantern, quantity: 1, unitPrice: 1, returned: 0 },
    }
    expect(orderTotal({ lines })).toBe(4 * 339 + 1)
    expect(customerName({ firstName: '', lastName: 'Cher' })).toBe('Cher')
  })
})

describe('stock for the lines', () => {
  const mark = { line: LINE, wanted: 6, free: 2 }
  const stockKeeper = { id: 'reaction:reserve-stock', roles: [] }
  const short = open.events([['markedShort', mark]])

  it('that is not there marks the line, which only the server can say', () => {
    open
      .by(stockKeeper)
      .when('markShort', mark)
      .thenEvents([['markedShort', mark]])
      .thenState({ ...openState, short: { [LINE]: { free: 2 } } })
    open.when('markShort', mark).thenForbidden()
  })

  it('says nothing of a line that has changed or gone meanwhile', () => {
    open
      .by(stockKeeper)
      .when('markShort', { ...mark, wanted: 7 })
      .thenNothing()
    open
      .by(stockKeeper)
      .when('markShort', { ...mark, line: OTHER })
      .thenNothing()
    open.events([cancelled]).by(stockKeeper).when('markShort', mark).thenNothing()
  })

  it('can be asked for again', () => {
    for (const by of [picker, clerk]) {
      short
        .by(by)
        .when('askForStock', { line: LINE })
        .thenEvents([['stockAsked', { line: LINE }]])
        .thenState(openState)
    }
    open.when('askForStock', { line: LINE }).thenNothing()
    short.events([shipped]).when('askForStock', { line: LINE }).thenRefused('not_open', { status: 'shipped' })
  })

  it('is a new matter when the line changes, and none when the order is done', () => {
    short.events([['quantityChanged', { line: LINE, quantity: 2 }]]).thenState({
      ...openState,
      lines: { [LINE]: { ...lantern, quantity: 2, returned: 0 } },
    })
    short.events([['lineRemoved', { line: LINE }]]).thenState({ ...openState, lines: {} })
    short.events([cancelled]).thenState({ ...openState, status: 'cancelled' })
    short.events([shipped]).thenState({ ...openState, status: 'shipped', carrier: 'Royal Mail' })
  })
})
