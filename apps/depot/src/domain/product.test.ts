import { given } from '@tidemark/testing'
import { describe, it } from 'vitest'
import { Product } from './product.ts'

const lantern = { description: 'WHITE METAL LANTERN', unitPrice: 339 }
const registered = ['registered', lantern] as const
const received = ['received', { quantity: 10, reference: 'PO 7' }] as const
const reserved = ['reserved', { quantity: 4, order: '536365', line: '' }] as const

const product = given(Product).by({ roles: ['manager'] })
const stocked = product.events([registered, received])
const picker = { roles: ['picker'] }

describe('registering a product', () => {
  it('is the manager’s', () => {
    product.when('register', lantern).thenEvents([registered])
    product
      .by({ roles: ['picker', 'clerk'] })
      .when('register', lantern)
      .thenForbidden()
  })

  it('happens once', () => {
    stocked.when('register', lantern).thenRefused('already_registered')
  })

  it('needs a price in whole pence', () => {
    product.when('register', { ...lantern, unitPrice: 3.39 }).thenInvalid()
    product.when('register', { ...lantern, unitPrice: -1 }).thenInvalid()
  })
})

describe('receiving goods', () => {
  it('adds to what is on hand, registered or not', () => {
    stocked
      .by(picker)
      .when('receive', { quantity: 5 })
      .thenEvents([['received', { quantity: 5, reference: '' }]])
      .thenState({
        registered: true,
        ...lantern,
        onHand: 15,
        reserved: 0,
        promised: {},
      })
    product
      .when('receive', { quantity: 5, reference: 'PO 8' })
      .thenEvents([['received', { quantity: 5, reference: 'PO 8' }]])
  })

  it('needs whole pieces, and somebody who works here', () => {
    stocked.when('receive', { quantity: 0 }).thenInvalid()
    stocked.by({ roles: [] }).when('receive', { quantity: 1 }).thenForbidden()
  })
})

describe('adjusting the stock', () => {
  it('goes both ways, down to nothing on the shelf', () => {
    stocked.when('adjust', { by: 3, reason: 'found' }).thenEvents([['adjusted', { by: 3, reason: 'found' }]])
    stocked.when('adjust', { by: -10, reason: 'wet' }).thenEvents([['adjusted', { by: -10, reason: 'wet' }]])
    stocked.when('adjust', { by: -11, reason: 'wet' }).thenRefused('below_zero', { onHand: 10 })
  })

  it('by nothing changes nothing', () => {
    stocked.when('adjust', { by: 0, reason: 'counted' }).thenNothing()
  })

  it('needs a reason', () => {
    stocked.when('adjust', { by: 1, reason: '' }).thenInvalid()
    stocked.by({ roles: [] }).when('adjust', { by: 1, reason: 'found' }).thenForbidden()
  })
})

describe('reserving', () => {
  it('promises what is free', () => {
    stocked
      .by(picker)
      .when('reserve', { quantity: 4, order: '536365' })
      .thenEvents([reserved])
      .thenState({
        registered: true,
        ...lantern,
        onHand: 10,
        reserved: 4,
        promised: {},
      })
    const promised = stocked.events([reserved])
    promised.when('reserve', { quantity: 6 }).thenEvents([['reserved', { quantity: 6, order: '', line: '' }]])
    promised.when('reserve', { quantity: 7 }).thenRefused('not_enough_stock', { free: 6 })
  })

  it('can be taken back, no further than it went', () => {
    const promised = stocked.events([reserved])
    promised
      .when('release', { quantity: 4, order: '536365' })
      .thenEvents([['released', { quantity: 4, order: '536365', line: '' }]])
    promised.when('release', { quantity: 5 }).thenRefused('more_than_reserved', { reserved: 4 })
  })

  it('needs whole pieces, and somebody who works here', () => {
    stocked.when('reserve', { quantity: -1 }).thenInvalid()
    stocked.when('release', { quantity: 0.5 }).thenInvalid()
    stocked.by({ roles: [] }).when('reserve', { quantity: 1 }).thenForbidden()
    stocked.by({ roles: [] }).when('release', { quantity: 1 }).thenForbidden()
  })
})

describe('what lines of orders are promised', () => {
  const LINE = '0197b000-0000-7000-8000-000000000001'
  const OTHER = '0197b000-0000-7000-8000-000000000002'
  const about = { line: LINE, order: 'D-1' }
  const serving = stocked.by({ id: 'reaction:reserve-stock', roles: [] })
  const promised = serving.events([['reserved', { ...about, quantity: 4 }]])
  const state = { registered: true, ...lantern, onHand: 10 }

  it('is promised all or nothing', () => {
    serving
      .when('reserveForLine', { ...about, quantity: 10 })
      .thenEvents([['reserved', { ...about, quantity: 10 }]])
      .thenState({ ...state, reserved: 10, promised: { [LINE]: 10 } })
    serving.when('reserveForLine', { ...about, quantity: 11 }).thenRefused('not_enough_stock', { free: 10 })
    promised
      .when('reserveForLine', { line: OTHER, order: 'D-2', quantity: 7 })
      .thenRefused('not_enough_stock', { free: 6 })
  })

  it('is set anew by a later wish', () => {
    promised.when('reserveForLine', { ...about, quantity: 9 }).thenEvents([['reserved', { ...about, quantity: 5 }]])
    promised.when('reserveForLine', { ...about, quantity: 1 }).thenEvents([['released', { ...about, quantity: 3 }]])
    promised.when('reserveForLine', { ...about, quantity: 4 }).thenNothing()
    // A wish that cannot be met leaves what there is.
    promised.when('reserveForLine', { ...about, quantity: 11 }).thenRefused('not_enough_stock', { free: 6 })
  })

  it('goes back once', () => {
    promised
      .when('releaseForLine', about)
      .thenEvents([['released', { ...about, quantity: 4 }]])
      .thenState({ ...state, reserved: 0, promised: {} })
    serving.when('releaseForLine', about).thenNothing()
  })

  it('leaves the house once', () => {
    promised
      .when('issueForLine', about)
      .thenEvents([['issued', { ...about, quantity: 4 }]])
      .thenState({ ...state, onHand: 6, reserved: 0, promised: {} })
    serving.when('issueForLine', about).thenNothing()
  })

  it('does not take out more than the count says is there', () => {
    promised
      .events([['adjusted', { by: -9, reason: 'lost' }]])
      .when('issueForLine', about)
      .thenEvents([
        ['issued', { ...about, quantity: 1 }],
        ['released', { ...about, quantity: 3 }],
      ])
      .thenState({ ...state, onHand: 0, reserved: 0, promised: {} })
  })

  it('is not anybody’s to give or to take', () => {
    for (const command of ['releaseForLine', 'issueForLine'] as const) stocked.when(command, about).thenForbidden()
    stocked.when('reserveForLine', { ...about, quantity: 1 }).thenForbidden()
    const byHand = promised.events([reserved]).by(picker)
    byHand.when('release', { quantity: 5 }).thenRefused('more_than_reserved', { reserved: 4 })
    byHand.when('release', { quantity: 4 }).thenEvents([['released', { quantity: 4, order: '', line: '' }]])
  })
})
