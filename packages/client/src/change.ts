import type { Domain, Uuid } from '@tidemark/core'
import type { Tables, Transacted, Versions } from './database.ts'
import { rowsOf, rowId, type RowKey } from './overlay.ts'
import type { AttentionRecord, PendingRecord, RowRecord } from './records.ts'
import { foldedEvents } from './rebase.ts'

/** A confirmed row as a transaction left or found it; `null`: there is none. */
export interface RowChange {
  readonly projection: string
  readonly key: string
  readonly record: RowRecord | null
}

/**
 * What one write transaction did, in a form that every tab can apply to what it has in memory, provided it has seen
 * everything before it.
 */
export interface Change {
  readonly versions: Versions
  /** How far this transaction moved each version: 0 or 1. */
  readonly moved: Versions
  readonly put: readonly PendingRecord[]
  readonly dropped: readonly Uuid[]
  readonly attentionPut: readonly AttentionRecord[]
  readonly attentionDropped: readonly string[]
  /** Rows it wrote, and rows that the changed commands are folded over. */
  readonly rows: readonly RowChange[]
  /** Too much to list: what is in memory must be read again. */
  readonly everything: boolean
}

export interface ChangeDraft {
  readonly put?: readonly PendingRecord[]
  readonly dropped?: readonly Uuid[]
  readonly attentionPut?: readonly AttentionRecord[]
  readonly attentionDropped?: readonly string[]
  readonly rows?: readonly RowChange[]
  readonly everything?: boolean
  readonly moved: Versions
}

export function toChange({ value, versions }: Transacted<ChangeDraft>): Change {
  return {
    versions,
    moved: value.moved,
    put: value.put ?? [],
    dropped: value.dropped ?? [],
    attentionPut: value.attentionPut ?? [],
    attentionDropped: value.attentionDropped ?? [],
    rows: value.rows ?? [],
    everything: value.everything ?? false,
  }
}

/** Rows that a pending command is shown in: those its events change, or, set aside, those its author saw it change. */
export function rowsTouchedBy(domain: Domain, command: PendingRecord): RowKey[] {
  return rowsOf(domain, command.attention === null ? foldedEvents(command) : command.believed)
}

/** The confirmed rows under pending commands, read in the caller's transaction. */
export async function readBases(
  tables: Pick<Tables, 'rows'>,
  domain: Domain,
  commands: readonly PendingRecord[],
): Promise<RowChange[]> {
  const keys = new Map<string, RowKey>()
  for (const command of commands) {
    for (const row of rowsTouchedBy(domain, command)) keys.set(rowId(row.projection.name, row.key), row)
  }
  return await readRows(tables, [...keys.values()])
}

export async function readRows(tables: Pick<Tables, 'rows'>, rows: readonly RowKey[]): Promise<RowChange[]> {
  if (rows.length === 0) return []
  const found = await tables.rows.bulkGet(rows.map(({ projection, key }): [string, string] => [projection.name, key]))
  return rows.map(({ projection, key }, index) => ({ projection: projection.name, key, record: found[index] ?? null }))
}
