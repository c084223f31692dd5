import { Dexie } from 'dexie'
import { IDBFactory, IDBKeyRange } from 'fake-indexeddb'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Json } from '@tidemark/core'
import type { ConfirmedRow } from './change.ts'
import type { Tables } from './database.ts'
import { compareKeys, indexKeysOf, sortKeyOf, type IndexKey } from './index-keys.ts'
import { mergeStretches, type Placed, type Stretch } from './merge-stretches.ts'
import { toSynced } from './overlay-record.ts'
import type { OverlayRecord } from './records.ts'
import { scanWindow } from './scan-window.ts'
import { SkuTotals } from './test-support/shop-domain.ts'
import type { RowQuery } from './tidemark-client.ts'
import { createWindowView } from './window-view.ts'

const sku = fc.integer({ min: 0, max: 40 }).map((n) => `s${String(n).padStart(2, '0')}`)
const quantity = fc.integer({ min: 0, max: 9 })

const confirmedOf = (key: string, amount: number): ConfirmedRow => ({
  key,
  row: { sku: key, quantity: amount },
  stale: false,
})
/** `null`: with the pending changes there is no such row. */
const overOf = (key: string, amount: number | null): OverlayRecord => ({
  projection: SkuTotals.name,
  key,
  ...(amount === null ? {} : { row: { sku: key, quantity: amount } as Json }),
  commands: 1,
  pending: 1,
  last: 1,
  attention: false,
  stale: false,
  ix: amount === null ? [] : indexKeysOf(SkuTotals, key, { sku: key, quantity: amount }),
})
const placeOf = (key: string, row: unknown): IndexKey => sortKeyOf(SkuTotals, 'most', key, row)

/** What a list over everything holds, in order. */
function naive(rows: ReadonlyMap<string, number>, over: ReadonlyMap<string, number | null>, index?: string): Placed[] {
  return [...new Set([...rows.keys(), ...over.keys()])]
    .flatMap((key): Placed[] => {
      const confirmed = rows.get(key)
      const above = over.get(key)
      const shown = toSynced(
        confirmed === undefined ? null : confirmedOf(key, confirmed),
        above === undefined ? null : overOf(key, above),
      )
      return shown === null ? [] : [{ at: sortKeyOf(SkuTotals, index, key, shown.row), row: shown }]
    })
    .sort((a, b) => compareKeys(a.at, b.at))
}

const contents = fc.record({
  rows: fc.dictionary(sku, quantity).map((all) => new Map(Object.entries(all))),
  over: fc.dictionary(sku, fc.option(quantity)).map((all) => new Map(Object.entries(all))),
})

describe('two stretches of an index', () => {
  test('merge into what a list over everything shows, as far as both were read', () => {
    fc.assert(
      fc.property(contents, fc.nat(20), fc.nat(20), ({ rows, over }, readRows, readOver) => {
        const inOrder = <T extends { readonly key: string; readonly row?: unknown }>(all: T[]): T[] =>
          all.sort((a, b) => compareKeys(placeOf(a.key, a.row), placeOf(b.key, b.row)))
        const confirmed = inOrder([...rows].map(([key, amount]) => confirmedOf(key, amount)))
        const above = inOrder([...over].flatMap(([key, amount]) => (amount === null ? [] : [overOf(key, amount)])))
        const cut = <T>(all: readonly T[], read: number): Stretch<T> => ({
          found: all.slice(0, read),
          isEnd: read > all.length,
        })
        const one = cut(confirmed, readRows)
        const two = cut(above, readOver)
        const merged = mergeStretches(one, two, (key) => over.has(key), placeOf)
        const ends = [one, two].flatMap(({ found, isEnd }) => {
          const last = found.at(-1)
          return isEnd ? [] : [last === undefined ? [] : placeOf(last.key, last.row)]
        })
        // What was not read may stand right behind the last that was.
        const isSeen = ({ at }: Placed): boolean => ends.every((end) => end.length > 0 && compareKeys(at, end) <= 0)
        const seen = naive(rows, over, 'most').filter(isSeen)
        expect(merged.rows).toEqual(seen.slice(0, merged.rows.length))
        const left = [merged.confirmed, merged.over]
        // Either all is there, or a stretch is used up of which there is more.
        if (merged.rows.length < seen.length) {
          expect(left.some(({ found, isEnd }) => found.length === 0 && !isEnd)).toBe(true)
        }
        if (one.isEnd && two.isEnd) expect(merged.rows).toEqual(naive(rows, over, 'most'))
        const isTaken = new Set(merged.rows.map(({ row }) => row.key))
        expect(merged.over.found.filter(({ key }) => isTaken.has(key))).toEqual([])
        expect(merged.confirmed.found.filter(({ key }) => isTaken.has(key) && !over.has(key))).toEqual([])
      }),
      { numRuns: 300 },
    )
  })
})

describe('a window read from storage', () => {
  test('holds what a list over everything holds up to its boundary, however the two tables lie', async () => {
    await fc.assert(
      fc.asyncProperty(
        contents,
        fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
        fc.constantFrom<RowQuery<unknown>>(
          { index: 'most' },
          {},
          { index: 'most', filter: (row) => (row as { quantity: number }).quantity % 2 === 0 },
          { index: 'most', where: { quantity: 3 } as never },
        ),
        async ({ rows, over }, wanted, query) => {
          const db = new Dexie('scan', { indexedDB: new IDBFactory(), IDBKeyRange, cache: 'disabled' })
          db.version(1).stores({ rows: '[projection+key], *ix', overlay: '[projection+key], *ix' })
          await db.table('rows').bulkPut(
            [...rows].map(([key, amount]) => ({
              ...confirmedOf(key, amount),
              projection: SkuTotals.name,
              scope: 'tenant',
              ix: indexKeysOf(SkuTotals, key, { sku: key, quantity: amount }),
            })),
          )
          await db.table('overlay').bulkPut([...over].map(([key, amount]) => overOf(key, amount)))
          const view = createWindowView(SkuTotals, query, {})
          // Small, so that it takes several chunks of either table.
          const window = { ...view, matches: view.matches, wanted: wanted ?? Infinity }
          const { rows: found, boundary } = await scanWindow(db as unknown as Tables, window)
          db.close()
          const all = naive(rows, over, query.index).filter(({ row }) => view.matches(row.row))
          const expected = boundary === null ? all : all.filter(({ at }) => compareKeys(at, boundary) <= 0)
          expect(found).toEqual(expected.map(({ row }) => row))
          if (boundary !== null) expect(found).toHaveLength(wanted ?? 0)
        },
      ),
      { numRuns: 60 },
    )
  })
})
