import { describe, expect, test } from 'vitest'
import { depot, Order } from '@tidemark/depot/domain'
import { evolveState, initialState, type DomainEvent } from '@tidemark/core'
import { describeCommand, describeEvent, statesBefore, subjectOf } from './commands/describe.ts'
import { refusalWords, words } from './words.ts'

const stream = 'order/0197a5c2-0000-7000-8000-000000000001'
const line = '0197a5c2-0000-7000-8000-00000000000a'

function orderEvent(version: number, name: string, data: unknown): DomainEvent {
  return {
    id: `0197a5c2-0000-7000-8000-00000000010${version}`,
    type: `order.${name}`,
    streamId: stream,
    version,
    data,
    occurredAt: '2026-03-03T10:00:00.000Z',
    principal: 'ada',
  }
}

const history = [
  orderEvent(1, 'placed', {
    number: 'D-1',
    customer: { firstName: 'Mary', lastName: 'Fielding' },
    country: '',
    note: '',
  }),
  orderEvent(2, 'lineAdded', { line, product: '22423', description: 'Cake stand', quantity: 6, unitPrice: 1_275 }),
  orderEvent(3, 'quantityChanged', { line, quantity: 8 }),
  orderEvent(4, 'lineRemoved', { line }),
]

describe('words', () => {
  test('every event and command that the domain declares has a sentence of its own', () => {
    for (const type of depot.eventsByType.keys()) {
      const [aggregate, name = ''] = type.split('.')
      expect(Object.keys(aggregate === 'order' ? words.orderEvents : words.productEvents)).toContain(name)
    }
    for (const type of depot.commandsByType.keys()) {
      const [aggregate, name = ''] = type.split('.')
      expect(Object.keys(aggregate === 'order' ? words.orderCommands : words.productCommands)).toContain(name)
    }
  })

  test('an event is told with what was there before it', () => {
    const before = statesBefore(history)
    expect(history.map((event, at) => describeEvent(event, before[at]))).toEqual([
      'Placed for Mary Fielding',
      '6 × Cake stand added at £12.75',
      'Quantity of Cake stand changed from 6 to 8',
      'Cake stand removed',
    ])
  })

  test('a history that starts in the middle names what it can and claims nothing about before', () => {
    const [, , changed] = history
    const now = history.slice(0, 3).reduce((state, event) => evolveState(Order, state, event), initialState(Order))
    expect(statesBefore(history.slice(2))).toEqual([undefined, undefined])
    expect(describeEvent(changed!, undefined, now.state)).toBe('Quantity of Cake stand changed to 8')
  })

  test('an event or command of a newer release is named, not hidden', () => {
    expect(describeEvent(orderEvent(1, 'gilded', {}), undefined)).toContain('order.gilded')
    expect(describeCommand('order.gild', {}, undefined)).toContain('order.gild')
  })

  test('an input that an older release stored does not break the sentence', () => {
    expect(describeCommand('order.place', { number: 'D-1' }, undefined)).toBe(words.unknownCommand('order.place'))
  })

  test('a refusal says why with its figures and what to do next', () => {
    expect(refusalWords('not_enough_stock', { free: 1_200 })).toEqual({
      why: 'Only 1,200 are free to reserve.',
      next: 'Reserve fewer, or receive more first.',
    })
  })

  test('a refusal code of a newer server still gives a reason and a way on', () => {
    const unknown = refusalWords('too_shiny', {})
    expect(unknown.why).toContain('too_shiny')
    expect(unknown.next).not.toBe('')
  })

  test('counts agree with their nouns', () => {
    expect(words.saved.countDevice(1)).toBe('1 change saved on this device')
    expect(words.saved.countDevice(2)).toBe('2 changes saved on this device')
  })

  test('a stream is an order, a product or neither', () => {
    expect(subjectOf(stream)).toEqual({ kind: 'order', key: stream.slice('order/'.length) })
    expect(subjectOf('product/85123A')).toEqual({ kind: 'product', key: '85123A' })
    expect(subjectOf('invoice/7').kind).toBe('other')
  })
})
