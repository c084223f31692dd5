import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { buildConsumer, isInPart, partConsumer, toBuildPart } from './build-part.ts'

test('every key is in exactly one part', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.integer({ min: 1, max: 64 }), (tenant, key, of) => {
      const own = Array.from({ length: of }, (_, number) => number).filter((number) =>
        isInPart({ number, of }, tenant, key),
      )
      expect(own).toHaveLength(1)
    }),
  )
})

test('parts are of like size', () => {
  const sizes = [0, 0, 0, 0]
  for (let n = 0; n < 10_000; n++) {
    sizes.forEach((size, number) => {
      if (isInPart({ number, of: 4 }, 'acme', `order/${n}`)) sizes[number] = size + 1
    })
  }
  for (const size of sizes) expect(size).toBeGreaterThan(2_000)
})

test('a consumer says which part it is', () => {
  expect(toBuildPart(partConsumer(7, { number: 2, of: 3 }))).toEqual({ number: 2, of: 3 })
  expect(toBuildPart(buildConsumer(7))).toBeUndefined()
})
