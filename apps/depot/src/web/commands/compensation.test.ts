import { describe, expect, test } from 'vitest'
import { decideCommand, evolveState, initialState, type DomainEvent, type VersionedState } from '@tidemark/core'
import { Order, Product, type OrderState, type ProductState } from '@tidemark/depot/domain'
import type { CommandDefinition } from '@tidemark/core'
import { compensationOf } from './compensation.ts'

const principal = { id: 'ada', tenant: 'harbour', name: 'Ada', roles: ['manager'] }
let count = 0

/** Decides a command for real and answers with its event and the state after it. */
function run<State>(
  aggregate: typeof Order | typeof Product,
  current: VersionedState<State>,
  command: CommandDefinition,
  input: unknown,
): { readonly event: DomainEvent; readonly after: VersionedState<State> } {
  count += 1
  const decided = decideCommand({
    aggregate,
    command,
    input,
    current,
    principal,
    commandId: `0197a5c2-0000-7000-8000-${String(count).padStart(12, '0')}`,
    streamId: aggregate === Order ? 'order/one' : 'product/one',
    occurredAt: '2026-03-03T10:00:00.000Z',
  })
  if (decided.kind !== 'events' || decided.events[0] === undefined)
    throw new Error(`${command.type}: ${JSON.stringify(decided)}`)
  return { event: decided.events[0], after: decided.after as VersionedState<State> }
}

const { addLine, cancel, changeCustomer, changeQuantity, place, removeLine, setNote, ship } = Order.commands
const placed = run<OrderState>(Order, initialState(Order), place, {
  number: 'D-1',
  customer: { firstName: 'Mary', lastName: 'Fielding' },
  country: '',
  note: 'as it was',
}).after
const lined = run(Order, placed, addLine, {
  product: '22423',
  description: 'Cake stand',
  quantity: 6,
  unitPrice: 1_275,
})
const [line = ''] = Object.keys(lined.after.state.lines)

describe('undo', () => {
  test.each([
    ['a line that was added', placed, addLine, { product: '1', description: '', quantity: 1, unitPrice: 0 }],
    ['a quantity that was changed', lined.after, changeQuantity, { line, quantity: 9 }],
    ['a note that was set', lined.after, setNote, { note: 'new' }],
    ['a customer who was changed', lined.after, changeCustomer, { customer: { firstName: '', lastName: 'Else' } }],
  ])('takes back %s exactly', (_name, before, command, input) => {
    const done = run(Order, before, command, input)
    const undo = compensationOf(done.event, before.state, done.after.state)!
    expect(run(Order, done.after, undo.command, undo.input).after.state).toEqual(before.state)
  })

  test('a removed line comes back as a line of its own with the same content', () => {
    const removed = run(Order, lined.after, removeLine, { line })
    const undo = compensationOf(removed.event, lined.after.state, removed.after.state)!
    const { state } = run(Order, removed.after, undo.command, undo.input).after
    expect(Object.values(state.lines)).toEqual(Object.values(lined.after.state.lines))
  })

  test('what happened in the world is not undone', () => {
    for (const [command, input] of [
      [ship, { carrier: 'DPD' }],
      [cancel, { reason: '' }],
    ] as const) {
      const done = run(Order, lined.after, command, input)
      expect(compensationOf(done.event, lined.after.state, done.after.state)).toBeUndefined()
    }
  })

  test('what somebody has changed again since is theirs', () => {
    const mine = run(Order, lined.after, setNote, { note: 'mine' })
    const theirs = run(Order, mine.after, setNote, { note: 'theirs' })
    expect(compensationOf(mine.event, lined.after.state, theirs.after.state)).toBeUndefined()
  })

  test('nothing of a closed order is undone but its note', () => {
    const shipped = run(Order, lined.after, ship, { carrier: 'DPD' }).after
    expect(compensationOf(lined.event, placed.state, shipped.state)).toBeUndefined()
  })

  test('without knowing what was there before, nothing is offered that needs it', () => {
    const changed = run(Order, lined.after, changeQuantity, { line, quantity: 9 })
    expect(compensationOf(changed.event, undefined, changed.after.state)).toBeUndefined()
  })

  test('stock goes back to what it was', () => {
    const { adjust, receive, release, reserve } = Product.commands
    const state = { registered: true, description: '', unitPrice: 1, onHand: 20, reserved: 5, promised: {} }
    const start = { version: 3, state }
    const inputs = [
      [receive, { quantity: 4, reference: '' }],
      [adjust, { by: -2, reason: 'Damaged' }],
      [reserve, { quantity: 3, order: '' }],
      [release, { quantity: 3, order: '' }],
    ] as const
    for (const [command, input] of inputs) {
      const done = run<ProductState>(Product, start, command, input)
      const undo = compensationOf(done.event, undefined, undefined)!
      expect(run(Product, done.after, undo.command, undo.input).after.state).toEqual(start.state)
    }
  })
})

test('what stock keeping did for a line of an order is not anybody’s to undo', () => {
  const data = { quantity: 3, order: 'D-1', line }
  for (const type of ['product.reserved', 'product.released', 'product.issued']) {
    const event = { ...lined.event, type, streamId: 'product/one', data }
    expect(compensationOf(event, undefined, undefined)).toBeUndefined()
  }
})

test('the states used here are what the domain folds', () => {
  expect(evolveState(Order, placed, lined.event).state).toEqual(lined.after.state)
})
