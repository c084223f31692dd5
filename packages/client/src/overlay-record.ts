import type { Json } from '@tidemark/core'
import type { ConfirmedRow } from './change.ts'
import { indexKeysOf } from './index-keys.ts'
import { contributionTo, foldRow, isState, needsAttention, type RowKey } from './overlay.ts'
import { foldedEvents } from './prediction.ts'
import type { OverlayRecord, PendingRecord, StreamTail } from './records.ts'
import type { SyncedRow } from './tidemark-client.ts'

const NO_TAIL: StreamTail = { last: null, isNew: false }

/**
 * Folds pending commands over a row: over what the ones before them left of it, or over the confirmed row. Pure.
 *
 * @param before the record of the commands before these, where there are any.
 * @param commands that touch the row, in order, at least one.
 */
export function foldOver(
  row: RowKey,
  before: OverlayRecord | undefined,
  confirmed: ConfirmedRow | null,
  commands: readonly PendingRecord[],
): OverlayRecord {
  const start = before === undefined ? confirmed?.row : before.row
  const folded = foldRow(
    row.projection,
    start,
    commands.map((command) =>
      contributionTo(row, {
        id: command.id,
        order: command.seq,
        events: foldedEvents(command),
        attention: needsAttention(command),
      }),
    ),
  )
  const wasStale = before === undefined ? (confirmed?.stale ?? false) : before.stale
  return {
    projection: row.projection.name,
    key: row.key,
    ...(folded.row === undefined ? {} : { row: folded.row as Json }),
    commands: (before?.commands ?? 0) + commands.length,
    pending: (before?.pending ?? 0) + folded.pending,
    last: commands.at(-1)?.seq ?? -Infinity,
    attention: (before?.attention ?? false) || folded.attention,
    stale: wasStale || folded.failed,
    ...(isState(row) ? { tail: commands.reduce(withCommand, before?.tail ?? NO_TAIL) } : {}),
    ix: folded.row === undefined ? [] : indexKeysOf(row.projection, row.key, folded.row),
  }
}

/** The end of a stream with one more command behind it. */
export function withCommand(tail: StreamTail, command: Omit<PendingRecord, 'seq'>): StreamTail {
  return {
    last: command.attention === null ? command.id : tail.last,
    isNew: tail.isNew || command.base?.version === 0,
  }
}

/** What is shown of a stored row; `null`: there is none. */
export function toSynced(confirmed: ConfirmedRow | null, over: OverlayRecord | null): SyncedRow<unknown> | null {
  if (over !== null) {
    const { key, row, pending, attention, stale } = over
    return row === undefined ? null : { key, row, pending, attention, stale }
  }
  if (confirmed === null) return null
  return { key: confirmed.key, row: confirmed.row, pending: 0, attention: false, stale: confirmed.stale }
}
