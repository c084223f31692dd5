import { isSameJson, type AnyProjection, type Json } from '@tidemark/core'
import { compareKeys, indexRange, sortKeyOf, type IndexKey, type IndexRange } from './index-keys.ts'
import { createDerived, type Derived, type DerivedHooks } from './live.ts'
import type { RowQuery, RowsSnapshot, SyncedRow } from './tidemark-client.ts'

/** Rows read beyond `limit`, so that removals and pending changes rarely force another read. */
const OVERSCAN = 50

/** A stretch of an index as it was read, with what stored pending commands make of it. */
export interface Scan {
  readonly rows: readonly SyncedRow<unknown>[]
  /** Everything in the query's range up to here has been seen; `null`: all of it. */
  readonly boundary: IndexKey | null
}

interface Entry {
  readonly at: IndexKey
  readonly row: SyncedRow<unknown>
}

/**
 * One live list: a stored stretch of an index, with the rows merged in that commands change which are being stored. It is
 * kept sorted in memory and changed key by key, so a change costs its place in the list, not the list.
 */
export interface WindowView {
  readonly projection: AnyProjection
  readonly index: string | undefined
  readonly range: IndexRange
  readonly live: Derived<RowsSnapshot<unknown>>
  /** How many matching rows to read. */
  readonly wanted: number
  readonly loaded: boolean
  /** Fewer rows are left than the query asks for, and there are more in storage. */
  readonly short: boolean
  matches(row: unknown): boolean
  /** Replaces the stretch. `overlaid` says what is shown for a key, `null` where nothing that is being stored changes it. */
  load(scan: Scan, overlaid: Overlaid, overlaidKeys: Iterable<string>): void
  /** A stored row of the projection changed, `null` where there is none any more, or only what lies over it did. */
  update(key: string, stored: SyncedRow<unknown> | null | undefined, overlaid: Overlaid): void
  /** Keys of the first rows in it. */
  first(count: number): readonly string[]
  /** A stored row as this list holds it. */
  stored(key: string): SyncedRow<unknown> | undefined
}

export type Overlaid = (key: string) => SyncedRow<unknown> | 'removed' | null

const LOADING_SNAPSHOT: RowsSnapshot<never> = Object.freeze({
  status: 'loading',
  rows: Object.freeze([]) as readonly never[],
  more: false,
})

export function createWindowView(projection: AnyProjection, query: RowQuery<unknown>, hooks: DerivedHooks): WindowView {
  const where = (query.where ?? {}) as Readonly<Record<string, Json>>
  const conditions = Object.entries(where).filter(([, value]) => value !== undefined)
  const limit = query.limit ?? Infinity
  const range = indexRange(projection, query.index, Object.fromEntries(conditions))
  /** Rows of the stretch as they are stored. */
  const stored = new Map<string, Entry>()
  /** What is shown for a key now, wherever it came from. */
  const shown = new Map<string, Entry>()
  let order: Entry[] = []
  let boundary: IndexKey | null = null
  let loaded = false
  let wanted = limit === Infinity ? Infinity : limit + OVERSCAN

  const matches = (row: unknown): boolean => {
    const values = row as Readonly<Record<string, Json>>
    return (
      conditions.every(([field, value]) => isSameJson(values[field] ?? null, value)) && (query.filter?.(row) ?? true)
    )
  }
  const entryOf = (row: SyncedRow<unknown>): Entry | undefined =>
    matches(row.row) ? { at: sortKeyOf(projection, query.index, row.key, row.row), row } : undefined
  const isBeyond = (at: IndexKey): boolean => boundary !== null && compareKeys(at, boundary) > 0

  function place(at: IndexKey): number {
    let low = 0
    let high = order.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compareKeys((order[middle] as Entry).at, at) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  function show(key: string, entry: Entry | undefined): void {
    const before = shown.get(key)
    if (before === entry) return
    if (before !== undefined && entry !== undefined && compareKeys(before.at, entry.at) === 0) {
      order[place(before.at)] = entry
    } else {
      if (before !== undefined) order.splice(place(before.at), 1)
      if (entry !== undefined) order.splice(place(entry.at), 0, entry)
    }
    if (entry === undefined) shown.delete(key)
    else shown.set(key, entry)
  }

  /** Rows that may be shown: past the boundary, rows that were not read could stand between them. */
  function visible(): number {
    if (boundary === null) return order.length
    let end = order.length
    while (end > 0 && isBeyond((order[end - 1] as Entry).at)) end -= 1
    return end
  }

  const live = createDerived<RowsSnapshot<unknown>>((previous) => {
    if (!loaded) return LOADING_SNAPSHOT
    const end = visible()
    const rows = order.slice(0, Math.min(end, limit)).map((entry) => entry.row)
    const more = boundary !== null || end > limit
    const total = boundary === null ? end : undefined
    if (
      previous !== undefined &&
      previous.status === 'ready' &&
      previous.more === more &&
      previous.total === total &&
      previous.rows.length === rows.length &&
      previous.rows.every((row, i) => row === rows[i])
    ) {
      return previous
    }
    return { status: 'ready', rows, more, ...(total === undefined ? {} : { total }) }
  }, hooks)

  const toEntry = (row: SyncedRow<unknown>): Entry | undefined => {
    // What was shown while it was being stored stays the very same object, too.
    for (const before of [stored.get(row.key), shown.get(row.key)]) {
      if (before !== undefined && isSameSynced(before.row, row)) return before
    }
    return entryOf(row)
  }

  const resolve = (key: string, overlaid: Overlaid): Entry | undefined => {
    const over = overlaid(key)
    if (over === null) return stored.get(key)
    if (over === 'removed') return undefined
    const before = shown.get(key)
    return before?.row === over ? before : entryOf(over)
  }

  return {
    projection,
    index: query.index,
    range,
    live,
    matches,
    get wanted() {
      return wanted
    },
    get loaded() {
      return loaded
    },
    get short() {
      return loaded && boundary !== null && visible() < limit
    },
    first: (count) => order.slice(0, count).map(({ row }) => row.key),
    stored: (key) => stored.get(key)?.row,
    load: (scan, overlaid, overlaidKeys) => {
      const entries = new Map<string, Entry>()
      for (const row of scan.rows) {
        const entry = toEntry(row)
        if (entry !== undefined) entries.set(row.key, entry)
      }
      stored.clear()
      for (const [key, entry] of entries) stored.set(key, entry)
      boundary = scan.boundary
      const keys = new Set([...stored.keys(), ...overlaidKeys])
      const next = new Map<string, Entry>()
      for (const key of keys) {
        const entry = resolve(key, overlaid)
        if (entry !== undefined) next.set(key, entry)
      }
      shown.clear()
      for (const [key, entry] of next) shown.set(key, entry)
      order = [...next.values()].sort((a, b) => compareKeys(a.at, b.at))
      loaded = true
      // Still short after this read: ask for twice as much next time.
      if (boundary !== null && visible() < limit) wanted *= 2
      live.invalidate()
    },
    update: (key, row, overlaid) => {
      if (!loaded) return
      if (row !== undefined) {
        const entry = row === null ? undefined : toEntry(row)
        if (entry === undefined || isBeyond(entry.at)) stored.delete(key)
        else stored.set(key, entry)
      }
      show(key, resolve(key, overlaid))
      live.invalidate()
    },
  }
}

/** Whether two rows are shown the same. */
export function isSameSynced(a: SyncedRow<unknown>, b: SyncedRow<unknown>): boolean {
  return (
    a.pending === b.pending &&
    a.attention === b.attention &&
    a.stale === b.stale &&
    isSameJson(a.row as Json, b.row as Json)
  )
}
