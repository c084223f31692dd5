import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createIdGenerator, deriveId, isUuid, parseStreamId } from './id.ts'

function generatorAt(now: () => number): () => string {
  let seed = 1
  return createIdGenerator({
    now,
    random: (bytes) => {
      for (let i = 0; i < bytes.length; i++) bytes[i] = (seed = (seed * 48271) % 0x7fffffff) & 0xff
    },
  })
}

describe('ids', () => {
  it('are version 7, unique, and ordered by the millisecond they were made in', () => {
    let now = 1_700_000_000_000
    const next = generatorAt(() => now)
    const made: string[] = []
    for (let ms = 0; ms < 200; ms++, now++) for (let i = 0; i < 5; i++) made.push(next())
    expect(made.every((id) => isUuid(id) && id[14] === '7')).toBe(true)
    expect(new Set(made).size).toBe(made.length)
    const prefixes = made.map((id) => id.slice(0, 13))
    expect(prefixes).toEqual([...prefixes].sort())
    expect(parseInt((made[0] ?? '').replaceAll('-', '').slice(0, 12), 16)).toBe(1_700_000_000_000)
  })

  it('derived from the same parts are the same, from other parts are not, and keep the time prefix', () => {
    const base = generatorAt(() => 1_700_000_000_000)()
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 3 }), fc.array(fc.string(), { maxLength: 3 }), (a, b) => {
        const derived = deriveId(base, ...a)
        expect(isUuid(derived)).toBe(true)
        expect(derived.slice(0, 13)).toBe(base.slice(0, 13))
        expect(derived).toBe(deriveId(base, ...a))
        expect(derived === deriveId(base, ...b)).toBe(JSON.stringify(a) === JSON.stringify(b))
      }),
    )
  })

  it('of streams are an aggregate and a key of safe characters', () => {
    expect(parseStreamId('order/0197b1de-0000-7000-8000-000000000000')).toMatchObject({ aggregate: 'order' })
    expect(parseStreamId('product/85123A')).toEqual({ aggregate: 'product', key: '85123A' })
    for (const bad of [
      'order',
      'order/',
      '/x',
      'order/a b',
      'order/a/b',
      'order/../x',
      `order/${'x'.repeat(129)}`,
      'order/\u0000',
    ]) {
      expect(parseStreamId(bad)).toBeUndefined()
    }
  })
})
