import fc from 'fast-check'
import { expect, test } from 'vitest'
import { toStorableText } from './storable-text.ts'
import { isSameJson, STORED_JSON_LIMITS, toStoredText, type Json } from './stored-json.ts'

const anything = fc.anything({
  maxDepth: 4,
  withBigInt: true,
  withDate: true,
  withMap: true,
  withNullPrototype: true,
  withSparseArray: true,
  withBoxedValues: true,
  key: fc.oneof(
    fc.string({ unit: 'binary', maxLength: 4 }),
    fc.constantFrom('__proto__', 'constructor', 'toJSON', 'a'),
  ),
})

test('what is storable and what is not, and why, is the same for both', () => {
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue({ maxDepth: 4 }), anything, fc.string({ unit: 'binary' })), (value) => {
      const [text, ordered] = [toStorableText(value), toStoredText(value)]
      if (!text.ok || !ordered.ok) expect(text).toEqual(ordered)
      else expect(isSameJson(JSON.parse(text.text) as Json, JSON.parse(ordered.text) as Json)).toBe(true)
    }),
    { numRuns: 2_000 },
  )
})

test.each([
  ['a toJSON of an array', Object.assign([1], { toJSON: () => 'x' })],
  ['a lone surrogate', { a: ['\ud800'] }],
  ['a lone surrogate in a key', { '\udfff': 1 }],
  ['a NUL character', 'x\u0000y'],
  ['a hole', Object.assign([], { length: 1 })],
  ['a text that grows too long when it is written', '"'.repeat(STORED_JSON_LIMITS.maxLength / 2 + 1)],
  ['a key for prototypes', JSON.parse('{"a":{"__proto__":1}}')],
  ['nesting beyond the limit', JSON.parse('['.repeat(65) + ']'.repeat(65))],
])('%s is answered as ever', (_name, value) => {
  expect(toStorableText(value)).toEqual(toStoredText(value))
})

test('names and texts beyond ASCII are stored as they are, keys in their order', () => {
  expect(toStorableText({ ü: '📦', a: -0, left: undefined, b: [null, true] })).toEqual({
    ok: true,
    text: '{"ü":"📦","a":0,"b":[null,true]}',
  })
})
