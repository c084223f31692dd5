import { describe, expect, test } from 'vitest'
import { validate } from '@tidemark/core'
import { depot, Order, Product } from '@tidemark/depot/domain'
import { commandFields, issuesByField, toInput, toValues } from './fields.ts'

const fieldsOf = (type: string) => commandFields[type] ?? []

describe('command forms', () => {
  test('every command of the domain has its form, so that any of them can be edited and retried', () => {
    expect(Object.keys(commandFields).toSorted()).toEqual([...depot.commandsByType.keys()].toSorted())
  })

  test('an input survives the way through its form', () => {
    const inputs: readonly (readonly [string, unknown])[] = [
      [
        'order.place',
        { number: 'D-1', customer: { firstName: 'Mary', lastName: 'Fielding' }, country: 'UK', note: 'a\nb' },
      ],
      ['order.addLine', { product: '22423', description: 'Cake stand', quantity: 6, unitPrice: 1_275 }],
      ['order.return', { line: '0197a5c2-0000-7000-8000-00000000000a', quantity: 2, reason: 'broken' }],
      ['product.adjust', { by: -3, reason: 'Damaged' }],
      ['product.register', { description: 'Cake stand', unitPrice: 5 }],
    ]
    for (const [type, input] of inputs) {
      const fields = fieldsOf(type)
      expect(toInput(fields, toValues(fields, input), input)).toEqual(input)
      expect(validate(depot.commandsByType.get(type)!.schema, input).ok).toBe(true)
    }
  })

  test('what a form does not show goes along unchanged', () => {
    const { type } = Order.commands.changeQuantity
    const line = '0197a5c2-0000-7000-8000-00000000000a'
    expect(toInput(fieldsOf(type), { quantity: '9' }, { line, quantity: 1 })).toEqual({ line, quantity: 9 })
  })

  test('what cannot be read is refused by the schema and shown at its field', () => {
    const { type, schema } = Product.commands.receive
    const fields = fieldsOf(type)
    for (const typed of ['', 'six', '1.5', '0', '-1']) {
      const checked = validate(schema, toInput(fields, { quantity: typed, reference: '' }, undefined))
      expect(checked.ok).toBe(false)
      expect(Object.keys(issuesByField(fields, checked.ok ? [] : checked.issues))).toEqual(['quantity'])
    }
  })

  test('an issue of a nested field stands at that field', () => {
    const { type, schema } = Order.commands.changeCustomer
    const fields = fieldsOf(type)
    const checked = validate(
      schema,
      toInput(fields, { 'customer.firstName': 'Mary', 'customer.lastName': ' ' }, undefined),
    )
    expect(Object.keys(issuesByField(fields, checked.ok ? [] : checked.issues))).toEqual(['customer.lastName'])
  })

  test('a minus sign may be the typographic one', () => {
    expect(toInput(fieldsOf('product.adjust'), { by: '\u22123', reason: 'Lost' }, undefined)).toEqual({
      by: -3,
      reason: 'Lost',
    })
  })
})
