import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { chooseFields, mergeFields, type FieldMerge } from './merge-fields.ts'
import { isSameJson, type Json, type JsonObject } from './stored-json.ts'

const base = { note: 'before', customer: { firstName: 'Mary', lastName: 'Fielding' }, tags: ['a'] }

describe('a field', () => {
  test('that one side changed is taken from it, at any depth', () => {
    const mine = { ...base, customer: { firstName: 'Rosa', lastName: 'Fielding' } }
    const theirs = { ...base, note: 'after', customer: { firstName: 'Mary', lastName: 'Field' } }
    expect(mergeFields({ base, mine, theirs })).toEqual({
      value: { note: 'after', customer: { firstName: 'Rosa', lastName: 'Field' }, tags: ['a'] },
      changes: [
        { path: '/note', by: 'theirs' },
        { path: '/customer/firstName', by: 'mine' },
        { path: '/customer/lastName', by: 'theirs' },
      ],
      conflicts: [],
    })
  })

  test('that both changed to the same value is no conflict', () => {
    const both = { ...base, note: 'after', tags: ['a', 'b'] }
    expect(mergeFields({ base, mine: both, theirs: { ...both } })).toEqual({
      value: both,
      changes: [
        { path: '/note', by: 'both' },
        { path: '/tags', by: 'both' },
      ],
      conflicts: [],
    })
  })

  test('that both changed differently is a conflict, with all three versions; lists are wholes', () => {
    const merge = mergeFields({ base, mine: { ...base, tags: ['a', 'b'] }, theirs: { ...base, tags: [] } })
    expect(merge.conflicts).toEqual([{ path: '/tags', base: ['a'], mine: ['a', 'b'], theirs: [] }])
    expect(merge.value.tags).toEqual([])
  })

  test('that one side took away is away, unless the other changed it or something in it', () => {
    type Loose = Partial<typeof base>
    const gone: Loose = { note: base.note, tags: base.tags }
    expect(mergeFields<Loose>({ base, mine: gone, theirs: base }).value).toEqual(gone)
    const renamed = { ...base, customer: { ...base.customer, firstName: 'Rosa' } }
    expect(mergeFields<Loose>({ base, mine: gone, theirs: renamed }).conflicts).toEqual([
      { path: '/customer', base: base.customer, mine: undefined, theirs: renamed.customer },
    ])
  })

  test('that was a value, and both made an object of it, is a conflict as a whole', () => {
    const of = (value: Json): JsonObject => ({ size: value })
    expect(mergeFields({ base: of(3), mine: of({ width: 1 }), theirs: of({ height: 2 }) }).conflicts).toEqual([
      { path: '/size', base: 3, mine: { width: 1 }, theirs: { height: 2 } },
    ])
  })

  test('that both added is merged inside, and is a conflict where it is a value', () => {
    type Order = { readonly lines: Readonly<Record<string, { readonly sku?: string; readonly quantity: number }>> }
    const empty: Order = { lines: {} }
    const mine: Order = { lines: { a: { quantity: 1 }, b: { quantity: 2 } } }
    const theirs: Order = { lines: { b: { quantity: 3, sku: 'cup' }, c: { quantity: 4 } } }
    const merge = mergeFields({ base: empty, mine, theirs })
    expect(merge.value).toEqual({ lines: { a: { quantity: 1 }, b: { quantity: 3, sku: 'cup' }, c: { quantity: 4 } } })
    expect(merge.conflicts).toEqual([{ path: '/lines/b/quantity', base: undefined, mine: 2, theirs: 3 }])
  })
})

describe('choosing', () => {
  const mine = { ...base, note: 'mine', tags: ['mine'] }
  const theirs = { ...base, note: 'theirs', tags: ['theirs'] }
  const merge = mergeFields({ base, mine, theirs })

  test('decides one conflict after the other, with either version or another value', () => {
    const first = chooseFields(merge, { '/note': 'mine' })
    expect(first.value).toEqual({ ...base, note: 'mine', tags: ['theirs'] })
    expect(first.conflicts.map(({ path }) => path)).toEqual(['/tags'])
    const second = chooseFields(first, { '/tags': { value: ['both'] } })
    expect(second).toMatchObject({ value: { ...base, note: 'mine', tags: ['both'] }, conflicts: [] })
    expect(chooseFields(merge, { '/note': 'base' }).value.note).toBe('before')
  })

  test('can take a field away, and put one back that theirs has not', () => {
    type Loose = { readonly note?: string; readonly sub?: { readonly a?: number } }
    const conflict: FieldMerge<Loose> = mergeFields<Loose>({
      base: { note: 'x', sub: { a: 1 } },
      mine: { note: 'y', sub: { a: 2 } },
      theirs: { sub: {} },
    })
    expect(conflict.conflicts.map(({ path }) => path)).toEqual(['/note', '/sub/a'])
    expect(chooseFields(conflict, { '/note': 'mine', '/sub/a': 'mine' }).value).toEqual({ note: 'y', sub: { a: 2 } })
    expect(chooseFields(conflict, { '/note': { value: undefined } }).value).toEqual({ sub: {} })
  })

  test('finds fields whose names need escaping, and never a prototype', () => {
    const name = '__proto__'
    const of = (value: number): JsonObject =>
      Object.fromEntries([
        ['a/b~c', value],
        [name, { value }],
      ])
    const odd = mergeFields({ base: of(0), mine: of(1), theirs: of(2) })
    expect(odd.conflicts.map(({ path }) => path)).toEqual(['/a~1b~0c', '/__proto__/value'])
    const chosen = chooseFields(odd, { '/a~1b~0c': 'mine', '/__proto__/value': 'mine' }).value
    expect(isSameJson(chosen, of(1))).toBe(true)
    expect(Object.getPrototypeOf(chosen)).toBe(Object.prototype)
  })
})

const leaf = fc.oneof(
  fc.integer(),
  fc.string(),
  fc.boolean(),
  fc.constant(null),
  fc.array(fc.integer(), { maxLength: 3 }),
)
const names = fc.constantFrom('a', 'b', 'c', '~/', '__proto__')
const { fields } = fc.letrec<{ fields: JsonObject; field: Json }>((tie) => ({
  field: fc.oneof({ depthSize: 'small', withCrossShrink: true }, leaf, tie('fields')),
  fields: fc
    .array(fc.tuple(names, tie('field')), { maxLength: 4 })
    .map((entries) => Object.fromEntries(entries) as JsonObject),
}))

function withEdits(value: JsonObject, edit: (path: string, before: Json) => Json | undefined, at = ''): JsonObject {
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, each]) => {
      const path = `${at}/${name}`
      const isNested = typeof each === 'object' && each !== null && !Array.isArray(each)
      const next = isNested ? withEdits(each as JsonObject, edit, path) : edit(path, each)
      return next === undefined ? [] : [[name, next]]
    }),
  ) as JsonObject
}

test('whatever the versions, swapping the sides swaps who is who, and nothing else', () => {
  fc.assert(
    fc.property(fields, fields, fields, (start, mine, theirs) => {
      const one = mergeFields({ base: start, mine, theirs })
      const other = mergeFields({ base: start, mine: theirs, theirs: mine })
      const byPath = <T extends { readonly path: string }>(list: readonly T[]): T[] =>
        list.toSorted((a, b) => (a.path < b.path ? -1 : 1))
      const swap = { mine: 'theirs', theirs: 'mine', both: 'both' } as const
      expect(byPath(other.changes)).toEqual(byPath(one.changes.map(({ path, by }) => ({ path, by: swap[by] }))))
      expect(byPath(other.conflicts)).toEqual(
        byPath(one.conflicts.map((each) => ({ ...each, mine: each.theirs, theirs: each.mine }))),
      )
      // Once every conflict is decided the same way, both hold the same.
      const choose = (side: 'mine' | 'theirs'): Record<string, 'mine' | 'theirs'> =>
        Object.fromEntries(one.conflicts.map(({ path }) => [path, side]))
      const left = chooseFields(one, choose('mine'))
      expect(isSameJson(left.value, chooseFields(other, choose('theirs')).value)).toBe(true)
      expect(left.conflicts).toEqual([])
    }),
  )
})

test('edits of different fields are all kept, and none is a conflict', () => {
  fc.assert(
    fc.property(
      fields,
      fc.func(fc.constantFrom('mine', 'theirs', 'nobody')),
      fc.func(fc.option(leaf, { nil: undefined })),
      (start, whose, edited) => {
        const editedBy = (side: string): JsonObject =>
          withEdits(start, (path, before) => (whose(path) === side ? edited(path) : before))
        const merge = mergeFields({ base: start, mine: editedBy('mine'), theirs: editedBy('theirs') })
        const all = withEdits(start, (path, before) => (whose(path) === 'nobody' ? before : edited(path)))
        expect(merge.conflicts).toEqual([])
        expect(isSameJson(merge.value, all)).toBe(true)
      },
    ),
  )
})

test('against a side that changed nothing, the other side is the result', () => {
  fc.assert(
    fc.property(fields, fields, (start, edited) => {
      expect(isSameJson(mergeFields({ base: start, mine: edited, theirs: start }).value, edited)).toBe(true)
      expect(isSameJson(mergeFields({ base: start, mine: start, theirs: edited }).value, edited)).toBe(true)
    }),
  )
})
