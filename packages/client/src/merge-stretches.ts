import type { ConfirmedRow } from './change.ts'
import { compareKeys, type IndexKey } from './index-keys.ts'
import { toSynced } from './overlay-record.ts'
import type { OverlayRecord } from './records.ts'
import type { SyncedRow } from './tidemark-client.ts'

/** What has been read of one of the two tables, in the order of an index, and not been merged yet. */
export interface Stretch<T> {
  readonly found: readonly T[]
  /** There is no more of it. */
  readonly isEnd: boolean
}

export interface Placed {
  readonly at: IndexKey
  readonly row: SyncedRow<unknown>
}

export interface Merged {
  /** Rows as they are shown, in order, as far as both stretches tell. */
  readonly rows: readonly Placed[]
  /** What is beyond that. */
  readonly confirmed: Stretch<ConfirmedRow>
  readonly over: Stretch<OverlayRecord>
}

/**
 * Merges confirmed rows and rows under pending commands into what is shown, up to where the shorter stretch ends: what
 * was not read of it might stand before what follows. A confirmed row under pending commands is left out; it may be
 * shown elsewhere, or not at all. Pure.
 *
 * @param isOverlaid whether the overlay has a row of this key, wherever it stands.
 */
export function mergeStretches(
  confirmed: Stretch<ConfirmedRow>,
  over: Stretch<OverlayRecord>,
  isOverlaid: (key: string) => boolean,
  placeOf: (key: string, row: unknown) => IndexKey,
): Merged {
  const place = (row: SyncedRow<unknown>): Placed => ({ at: placeOf(row.key, row.row), row })
  const rows: Placed[] = []
  let c = 0
  let o = 0
  let nextConfirmed: Placed | undefined
  let nextOver: Placed | undefined
  for (;;) {
    while (nextConfirmed === undefined && c < confirmed.found.length) {
      const record = confirmed.found[c] as ConfirmedRow
      const shown = isOverlaid(record.key) ? null : toSynced(record, null)
      if (shown === null) c += 1
      else nextConfirmed = place(shown)
    }
    while (nextOver === undefined && o < over.found.length) {
      const shown = toSynced(null, over.found[o] as OverlayRecord)
      if (shown === null) o += 1
      else nextOver = place(shown)
    }
    const isDry = (nextConfirmed === undefined && !confirmed.isEnd) || (nextOver === undefined && !over.isEnd)
    if (isDry || (nextConfirmed === undefined && nextOver === undefined)) break
    if (nextOver === undefined || (nextConfirmed !== undefined && compareKeys(nextConfirmed.at, nextOver.at) < 0)) {
      rows.push(nextConfirmed as Placed)
      nextConfirmed = undefined
      c += 1
    } else {
      rows.push(nextOver)
      nextOver = undefined
      o += 1
    }
  }
  return {
    rows,
    confirmed: { found: confirmed.found.slice(c), isEnd: confirmed.isEnd },
    over: { found: over.found.slice(o), isEnd: over.isEnd },
  }
}
