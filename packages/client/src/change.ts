import type { Uuid } from '@tidemark/core'
import type { Tables, Transacted, Versions } from './database.ts'
import { readInPieces } from './in-pieces.ts'
import type { RowKey } from './overlay.ts'
import type { AttentionRecord, OverlayRecord, PendingRecord, RowRecord } from './records.ts'

/** What of a stored row is shown. */
export type ConfirmedRow = Pick<RowRecord, 'key' | 'row' | 'stale'>

/** A confirmed row that a transaction has written; `null`: it has removed it. */
export interface RowWrite {
  readonly projection: string
  readonly key: string
  readonly record: ConfirmedRow | null
}

/** A row as a transaction left or found it. */
export interface RowChange {
  readonly projection: string
  readonly key: string
  /** The confirmed row, `null` where there is none. */
  readonly record: ConfirmedRow | null
  /** `null`: nothing pending touches it. */
  readonly over: OverlayRecord | null
}

/**
 * What one write transaction did, in a form that every tab can apply to what it has in memory, provided it has seen
 * everything before it. What a tab does not hold it passes over.
 */
export interface Change {
  readonly versions: Versions
  /** How far this transaction moved each version: 0 or 1. */
  readonly moved: Versions
  readonly put: readonly PendingRecord[]
  /** How many of `put` are new. */
  readonly added: number
  readonly dropped: readonly Uuid[]
  readonly attentionPut: readonly AttentionRecord[]
  readonly attentionDropped: readonly string[]
  /** Rows that it wrote, and rows that the changed commands touch. */
  readonly rows: readonly RowChange[]
  /** Too much to list: what is in memory must be read again. */
  readonly everything: boolean
}

/** What a transaction did to commands and confirmed rows; the overlay follows from it (`refold.ts`). */
export interface ChangeDraft {
  readonly put?: readonly PendingRecord[]
  readonly dropped?: readonly Uuid[]
  /** Commands of both as they were before, the first of several versions counting. A `put` that is not here is new. */
  readonly before?: readonly PendingRecord[]
  readonly attentionPut?: readonly AttentionRecord[]
  readonly attentionDropped?: readonly string[]
  readonly rows?: readonly RowWrite[]
  /** Pending commands of these streams as they are now, where they are known anyway. */
  readonly tails?: KnownTails
  readonly everything?: boolean
  /** More confirmed rows have changed than `rows` lists: the whole overlay is folded anew. */
  readonly replaced?: boolean
  readonly moved: Versions
}

/** A change that puts or drops more commands than this is not told command by command. */
const LISTED_COMMANDS = 1_000

/** `undefined`: not known; empty: the stream has none. */
export type KnownTails = (stream: string) => readonly PendingRecord[] | undefined

export function toChange(
  { value, versions }: Transacted<ChangeDraft>,
  { put, added, rows }: Pick<Change, 'put' | 'added' | 'rows'>,
): Change {
  const dropped = value.dropped ?? []
  const everything = value.everything === true || put.length + dropped.length > LISTED_COMMANDS
  return {
    versions,
    moved: value.moved,
    put,
    added,
    dropped,
    attentionPut: value.attentionPut ?? [],
    attentionDropped: value.attentionDropped ?? [],
    rows: everything ? [] : rows,
    everything,
  }
}

/** Rows as they are stored, with what pending commands make of them. */
export async function readRows(
  tables: Pick<Tables, 'rows' | 'overlay'>,
  rows: readonly RowKey[],
): Promise<RowChange[]> {
  if (rows.length === 0) return []
  const keys = rows.map(({ projection, key }): [string, string] => [projection.name, key])
  const found = await readInPieces(keys, (piece) => tables.rows.bulkGet(piece))
  const over = await readInPieces(keys, (piece) => tables.overlay.bulkGet(piece))
  return rows.map(({ projection, key }, at) => ({
    projection: projection.name,
    key,
    record: found[at] ?? null,
    over: over[at] ?? null,
  }))
}
