import { aggregate, event, projection } from '@tidemark/core'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { mapFormerRows } from './map-former-rows.ts'

const Cup = aggregate('cup', {
  initial: () => ({}),
  events: { filled: event(z.object({ by: z.number() })) },
  evolve: { filled: (state) => state },
  commands: () => ({}),
})
const levels = (row: (old: { n: number }) => { n: number; twice: number }, scope = (_: { n: number }) => 'tenant') =>
  projection('levels', {
    on: Cup,
    version: 2,
    row: z.object({ n: z.number(), twice: z.number() }),
    fold: { filled: (was, e) => ({ n: (was?.n ?? 0) + e.data.by, twice: 2 * ((was?.n ?? 0) + e.data.by) }) },
    scope,
    upgrade: { from: 1, row },
  })
const body = (...keys: object[]): string => JSON.stringify(keys)
const row = { k: 'cup/a', p: 7, c: 6, s: true, o: 'tenant', r: { n: 4 }, t: [{ o: 'other', p: 3, c: 3 }] }
const gone = { k: 'cup/b', p: null, c: null, s: null, o: null, r: null, t: [{ o: 'tenant', p: 5, c: 5 }] }

test('only the row is mapped: position, feed position, mark of staleness and tombstones stay', () => {
  const mapped = mapFormerRows(
    levels(({ n }) => ({ twice: 2 * n, n })),
    body(row, gone),
  )
  if (mapped.kind !== 'mapped') throw new Error(mapped.note)
  expect(JSON.parse(mapped.body)).toEqual([{ ...row, r: { n: 4, twice: 8 } }, gone])
  // In its canonical text, as a fold would have stored it.
  expect(mapped.body).toContain('"r":{"n":4,"twice":8}')
})

test.each([
  [
    'throws',
    levels(() => {
      throw new Error('no such row')
    }),
    'no such row',
  ],
  [
    'returns no row of the schema',
    levels(({ n }) => ({ n }) as { n: number; twice: number }),
    'not a row of this version',
  ],
  ['returns what cannot be stored', levels(({ n }) => ({ n, twice: 1, more: 'a\u0000' })), 'cannot be stored'],
  [
    'moves the row into another scope',
    levels(
      ({ n }) => ({ n, twice: n }),
      ({ n }) => `level:${n}`,
    ),
    'another scope',
  ],
] as const)('an upgrade that %s takes nothing over, and says for which key', (_, of, note) => {
  const mapped = mapFormerRows(of, body(row))
  expect(mapped).toMatchObject({ kind: 'refused' })
  expect(mapped.kind === 'refused' && mapped.note).toContain(note)
  expect(mapped.kind === 'refused' && mapped.note).toContain('cup/a')
})

test('an upgrade from a version that is not an earlier one is refused where it is declared', () => {
  expect(() =>
    projection('levels', {
      on: Cup,
      row: z.object({ n: z.number() }),
      fold: {},
      upgrade: { from: 1, row: (old: { n: number }) => old },
    }),
  ).toThrow('must be an earlier one')
})
