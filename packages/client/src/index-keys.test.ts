import * as fc from 'fast-check'
import { IDBFactory, IDBKeyRange } from 'fake-indexeddb'
import { describe, expect, test } from 'vitest'
import type { AnyProjection } from '@tidemark/core'
import { compareKeys, indexRange, sortKeyOf } from './index-keys.ts'

const table: AnyProjection = {
  name: 'table',
  version: 1,
  aggregates: [],
  types: new Set(),
  indexes: { up: ['text'], down: ['-text'], mixed: ['flag', '-count', 'text'] },
  key: () => undefined,
  fold: () => undefined,
  scope: () => 'tenant',
  isRow: () => true,
}
interface Row {
  readonly text: string | null | undefined
  readonly count: number | null | undefined
  readonly flag: boolean
}
const text = fc.string({ unit: 'binary', maxLength: 4 }).filter((value) => !value.includes('\u0000'))
const row: fc.Arbitrary<Row> = fc.record({
  text: fc.option(text, { nil: null }),
  count: fc.option(fc.integer(), { nil: null }),
  flag: fc.boolean(),
})

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

describe('an index key', () => {
  test('orders texts as they are, and the other way round where the field descends; absent ones are at the low end', () => {
    fc.assert(
      fc.property(row, row, (a, b) => {
        const expected = a.text === b.text ? 0 : a.text == null ? -1 : b.text == null ? 1 : compareText(a.text, b.text)
        expect(Math.sign(compareKeys(sortKeyOf(table, 'up', 'k', a), sortKeyOf(table, 'up', 'k', b)))).toBe(expected)
        expect(Math.sign(compareKeys(sortKeyOf(table, 'down', 'k', a), sortKeyOf(table, 'down', 'k', b)))).toBe(
          expected === 0 ? 0 : -expected,
        )
      }),
    )
  })

  test('is ordered in memory exactly as IndexedDB orders it', () => {
    const factory = new IDBFactory()
    fc.assert(
      fc.property(row, row, fc.constantFrom('up', 'down', 'mixed', undefined), (a, b, index) => {
        const one = sortKeyOf(table, index, 'k1', a)
        const other = sortKeyOf(table, index, 'k2', b)
        expect(Math.sign(compareKeys(one, other))).toBe(factory.cmp(one, other))
      }),
    )
  })

  test('is inside the range of the values that lead the index, and outside that of others', () => {
    fc.assert(
      fc.property(row, row, (a, b) => {
        const range = indexRange(table, 'mixed', { flag: a.flag, count: a.count ?? null })
        const inside = IDBKeyRange.bound(range.lower, range.upper, false, true).includes(
          sortKeyOf(table, 'mixed', 'k', b),
        )
        expect(inside).toBe(a.flag === b.flag && (a.count ?? null) === (b.count ?? null))
      }),
    )
  })

  test('of an index that is not declared is a mistake that names the declared ones', () => {
    expect(() => sortKeyOf(table, 'nope', 'k', {})).toThrow('Declared: up, down, mixed')
  })
})
