import { given } from '@tidemark/testing'
import { describe, it } from 'vitest'
import { Product } from './product.ts'

const lantern = { description: 'WHITE METAL LANTERN', unitPrice: 339 }
const registered = ['registered', lantern] as const
const received = ['received', { quantity: 10, reference: 'PO 7' }] as const
const reserved = ['reserved', { quantity: 4, order: '536365' }] as const

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
      })
    const promised = stocked.events([reserved])
    promised.when('reserve', { quantity: 6 }).thenEvents([['reserved', { quantity: 6, order: '' }]])
    promised.when('reserve', { quantity: 7 }).thenRefused('not_enough_stock', { free: 6 })
  })

  it('can be taken back, no further than it went', () => {
    const promised = stocked.events([reserved])
    promised
      .when('release', { quantity: 4, order: '536365' })
      .thenEvents([['released', { quantity: 4, order: '536365' }]])
    promised.when('release', { quantity: 5 }).thenRefused('more_than_reserved', { reserved: 4 })
  })

  it('needs whole pieces, and somebody who works here', () => {
    stocked.when('reserve', { quantity: -1 }).thenInvalid()
    stocked.when('release', { quantity: 0.5 }).thenInvalid()
    stocked.by({ roles: [] }).when('reserve', { quantity: 1 }).thenForbidden()
    stocked.by({ roles: [] }).when('release', { quantity: 1 }).thenForbidden()
  })
})
