import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromStoredJson, isSameJson, toStoredJson, type Json } from './stored-json.ts'

const storable = fc
  .jsonValue({ maxDepth: 5 })
  .filter((value) => toStoredJson(value).ok)
  .map((value) => value as Json)

describe('stored JSON', () => {
  it('gives back what it was given, for any storable value', () => {
    fc.assert(
      fc.property(storable, (value) => {
        const stored = toStoredJson(value)
        if (!stored.ok) throw new Error('filtered')
        expect(isSameJson(fromStoredJson(stored.text), JSON.parse(JSON.stringify(value)) as Json)).toBe(true)
      }),
    )
  })

  it('gives equal texts for equal values, whatever the order of their keys', () => {
    const a = toStoredJson({ b: 1, a: { d: [1, 2], c: null } })
    const b = toStoredJson({ a: { c: null, d: [1, 2] }, b: 1 })
    expect(a).toEqual(b)
    expect(a).toMatchObject({ ok: true, text: '{"a":{"c":null,"d":[1,2]},"b":1}' })
  })

  it('never writes a raw line break, so texts may be joined by one', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const stored = toStoredJson({ text })
        if (stored.ok) expect(stored.text).not.toMatch(/[\n\r]/)
      }),
    )
  })

  it.each([
    ['a NUL character', { a: ['x\u0000y'] }, '/a/0', 'nul_character'],
    ['a NUL character in a key', { 'a\u0000': 1 }, '/a\u0000', 'nul_character'],
    ['a lone surrogate', { a: '\ud800' }, '/a', 'lone_surrogate'],
    ['a lone low surrogate', 'x\udfff', '', 'lone_surrogate'],
    ['NaN', { n: NaN }, '/n', 'not_finite'],
    ['infinity', [Infinity], '/0', 'not_finite'],
    ['a date', { at: new Date(0) }, '/at', 'not_json'],
    ['a map', { m: new Map() }, '/m', 'not_json'],
    ['undefined in an array', [undefined], '/0', 'not_json'],
    ['a big integer', { n: 1n }, '/n', 'not_json'],
    ['a function', { f: () => 1 }, '/f', 'not_json'],
    ['toJSON', { toJSON: () => 'x' }, '', 'not_json'],
    ['a __proto__ key', JSON.parse('{"a":{"__proto__":{"polluted":1}}}'), '/a/__proto__', 'forbidden_key'],
    ['a constructor key', { constructor: { prototype: {} } }, '/constructor', 'forbidden_key'],
    ['a path with separators', { 'a/b': { '~c': NaN } }, '/a~1b/~0c', 'not_finite'],
  ])('refuses %s and says where', (_name, value, path, code) => {
    expect(toStoredJson(value)).toEqual({ ok: false, issue: { path, code } })
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })

  it('accepts pairs of surrogates', () => {
    expect(toStoredJson('📦')).toMatchObject({ ok: true, text: '"📦"' })
  })

  it('leaves out properties that are undefined, and writes -0 as 0', () => {
    expect(toStoredJson({ a: undefined, b: -0 })).toMatchObject({ ok: true, text: '{"b":0}' })
  })

  it('refuses nesting past its depth without exhausting the stack', () => {
    let deep: unknown = 1
    for (let i = 0; i < 100_000; i++) deep = [deep]
    const result = toStoredJson(deep)
    expect(result).toMatchObject({ ok: false, issue: { code: 'too_deep' } })
    let allowed: unknown = 1
    for (let i = 0; i < 64; i++) allowed = [allowed]
    expect(toStoredJson(allowed).ok).toBe(true)
    expect(toStoredJson([allowed])).toMatchObject({ ok: false, issue: { code: 'too_deep' } })
  })

  it('refuses a cycle as too deep', () => {
    const cycle: { self?: unknown } = {}
    cycle.self = cycle
    expect(toStoredJson(cycle)).toMatchObject({ ok: false, issue: { code: 'too_deep' } })
  })

  it('refuses texts over the length, counting everything', () => {
    expect(toStoredJson('x'.repeat(98), { maxLength: 100 }).ok).toBe(true)
    expect(toStoredJson('x'.repeat(99), { maxLength: 100 })).toMatchObject({ ok: false, issue: { code: 'too_large' } })
    expect(toStoredJson(Array(1000).fill(1), { maxLength: 100 })).toMatchObject({
      ok: false,
      issue: { code: 'too_large' },
    })
  })
})
