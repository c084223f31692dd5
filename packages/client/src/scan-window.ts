import type { Collection } from 'dexie'
import type { ConfirmedRow } from './change.ts'
import type { Tables } from './database.ts'
import { sortKeyOf, type IndexKey } from './index-keys.ts'
import { mergeStretches, type Stretch } from './merge-stretches.ts'
import type { OverlayRecord } from './records.ts'
import type { SyncedRow } from './tidemark-client.ts'
import type { Scan, WindowView } from './window-view.ts'

/** Rows asked of storage at a time while a window looks for those that match. */
const CHUNK = 500
/** Where the overlay has at most so many rows of a projection, one request tells them all. */
const FEW_OVERLAID = 400

/** Reads a window's stretch of its index: as many matching rows as it wants, and how far that was. */
export async function scanWindow(tables: Pick<Tables, 'rows' | 'overlay'>, window: WindowView): Promise<Scan> {
  const { projection, index, range } = window
  const size = Math.min(window.wanted, CHUNK)
  const placeOf = (key: string, row: unknown): IndexKey => sortKeyOf(projection, index, key, row)
  const name = index === undefined ? '[projection+key]' : 'ix'

  async function more<T extends { readonly key: string }>(
    stretch: Stretch<T>,
    after: IndexKey | undefined,
    from: (lower: IndexKey, isOpen: boolean) => Collection<T, [string, string], T>,
  ): Promise<{ readonly stretch: Stretch<T>; readonly fresh: readonly T[] }> {
    if (stretch.found.length > 0 || stretch.isEnd) return { stretch, fresh: [] }
    const fresh = await from(after ?? range.lower, after !== undefined)
      .limit(size)
      .toArray()
    return { stretch: { found: fresh, isEnd: fresh.length < size }, fresh }
  }

  const overlaid = new Set<string>()
  const few = (): PromiseLike<[string, string][]> =>
    tables.overlay
      .where('[projection+key]')
      .between([projection.name], [projection.name, []])
      .limit(FEW_OVERLAID + 1)
      .primaryKeys()
  let isAllKnown: boolean | undefined

  const rows: SyncedRow<unknown>[] = []
  let confirmed: Stretch<ConfirmedRow> = { found: [], isEnd: false }
  let over: Stretch<OverlayRecord> = { found: [], isEnd: false }
  let confirmedEnd: IndexKey | undefined
  let overEnd: IndexKey | undefined
  for (;;) {
    const [moreConfirmed, moreOver, keys] = await Promise.all([
      more(confirmed, confirmedEnd, (lower, isOpen) =>
        tables.rows.where(name).between(lower, range.upper, !isOpen, false),
      ),
      more(over, overEnd, (lower, isOpen) => tables.overlay.where(name).between(lower, range.upper, !isOpen, false)),
      isAllKnown === undefined ? few() : [],
    ])
    const lastConfirmed = moreConfirmed.fresh.at(-1)
    if (lastConfirmed !== undefined) confirmedEnd = placeOf(lastConfirmed.key, lastConfirmed.row)
    const lastOver = moreOver.fresh.at(-1)
    // Without an index rows that pending commands have removed are among those that are read.
    if (lastOver !== undefined) {
      overEnd = index === undefined ? [projection.name, lastOver.key] : placeOf(lastOver.key, lastOver.row)
    }
    isAllKnown ??= keys.length <= FEW_OVERLAID
    for (const [, key] of keys) overlaid.add(key)
    if (!isAllKnown && moreConfirmed.fresh.length > 0) {
      const asked = moreConfirmed.fresh.map(({ key }): [string, string] => [projection.name, key])
      for (const record of await tables.overlay.bulkGet(asked)) if (record !== undefined) overlaid.add(record.key)
    }
    const merged = mergeStretches(moreConfirmed.stretch, moreOver.stretch, (key) => overlaid.has(key), placeOf)
    for (const [n, { at, row }] of merged.rows.entries()) {
      if (!window.matches(row.row)) continue
      rows.push(row)
      if (rows.length < window.wanted) continue
      const isLast = n === merged.rows.length - 1 && isOver(merged.confirmed) && isOver(merged.over)
      return { rows, boundary: isLast ? null : at }
    }
    confirmed = merged.confirmed
    over = merged.over
    if (isOver(confirmed) && isOver(over)) return { rows, boundary: null }
  }
}

function isOver({ found, isEnd }: Stretch<unknown>): boolean {
  return isEnd && found.length === 0
}
