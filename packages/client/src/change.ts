import type { Domain, StreamId, Uuid } from '@tidemark/core'
import type { Tables, Transacted, Versions } from './database.ts'
import { rowsOf, rowId, type RowKey } from './overlay.ts'
import type { AttentionRecord, PendingRecord, RowRecord } from './records.ts'
import { foldedEvents } from './rebase.ts'

/** What of a stored row is shown. */
export type ConfirmedRow = Pick<RowRecord, 'key' | 'row' | 'stale'>

/** A confirmed row as a transaction left or found it; `null`: there is none. */
export interface RowChange {
  readonly projection: string
  readonly key: string
  readonly record: ConfirmedRow | null
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

/** Whether a pending command is not shown as done because a person, or the server, has to decide about it. */
export function needsAttention(command: PendingRecord): boolean {
  return command.attention !== null || command.prediction.kind === 'no-longer-holds'
}

/**
 * Rows that a pending command is shown in: those its events change; where it needs attention, those its author saw it
 * change and those of its stream.
 */
export function rowsTouchedBy(domain: Domain, command: PendingRecord): RowKey[] {
  if (!needsAttention(command)) return rowsOf(domain, foldedEvents(command))
  const rows = new Map(rowsOf(domain, command.believed).map((row) => [rowId(row.projection.name, row.key), row]))
  for (const row of rowsOfStream(domain, command.stream)) rows.set(rowId(row.projection.name, row.key), row)
  return [...rows.values()]
}

/** The rows that have a stream's id for their key, over all projections of its aggregate. */
export function rowsOfStream(domain: Domain, stream: StreamId): RowKey[] {
  const aggregate = domain.aggregateOf(stream)
  if (aggregate === undefined) return []
  return domain.projections
    .filter((projection) => projection.aggregates.includes(aggregate))
    .map((projection) => ({ projection, key: stream }))
}

/** The confirmed rows under pending commands, read in the caller's transaction, but for those that are known. */
export async function readBases(
  tables: Pick<Tables, 'rows'>,
  domain: Domain,
  commands: readonly PendingRecord[],
  known: ReadonlyMap<string, unknown> = new Map(),
): Promise<RowChange[]> {
  const keys = new Map<string, RowKey>()
  for (const command of commands) {
    for (const row of rowsTouchedBy(domain, command)) {
      const at = rowId(row.projection.name, row.key)
      if (!known.has(at)) keys.set(at, row)
    }
  }
  return await readRows(tables, [...keys.values()])
}

export async function readRows(tables: Pick<Tables, 'rows'>, rows: readonly RowKey[]): Promise<RowChange[]> {
  if (rows.length === 0) return []
  const found = await tables.rows.bulkGet(rows.map(({ projection, key }): [string, string] => [projection.name, key]))
  return rows.map(({ projection, key }, index) => ({ projection: projection.name, key, record: found[index] ?? null }))
}
