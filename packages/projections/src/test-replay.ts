import { toStoredJson, type Domain, type StoredEvent } from '@tidemark/core'
import {
  foldBatch,
  keyId,
  type BatchWrites,
  type ParkedEvent,
  type RowId,
  type StoredKey,
  type StoredRow,
  type Tombstone,
} from './fold-batch.ts'
import { interpretEvents } from './interpret-events.ts'
import { toProjectionSet, type RegisteredProjection } from './registered-projection.ts'

/** The tables, in memory. */
export interface Tables {
  readonly rows: Map<string, RowId & StoredRow>
  readonly tombstones: Map<string, Tombstone>
  readonly parked: ParkedEvent[]
}

export function emptyTables(): Tables {
  return { rows: new Map(), tombstones: new Map(), parked: [] }
}

export function registerAll(domain: Domain): readonly RegisteredProjection[] {
  return domain.projections.map((projection, index) => ({ id: index + 1, projection }))
}

const tombstoneId = (at: RowId & { scope: string }): string => `${keyId(at.projection, at.tenant, at.key)}\n${at.scope}`

/** What `commit_batch` does. */
export function applyWrites(tables: Tables, writes: BatchWrites): void {
  for (const row of writes.gone) tables.rows.delete(keyId(row.projection, row.tenant, row.key))
  for (const row of writes.rows) tables.rows.set(keyId(row.projection, row.tenant, row.key), row)
  for (const lifted of writes.lifted) tables.tombstones.delete(tombstoneId(lifted))
  for (const tombstone of writes.tombstones) tables.tombstones.set(tombstoneId(tombstone), tombstone)
  tables.parked.push(...writes.parked)
}

/** What is stored of a key. */
export function storedKeyOf(tables: Tables, { projection, tenant, key }: RowId): StoredKey {
  const id = keyId(projection, tenant, key)
  const tombstones = [...tables.tombstones.values()].filter((at) => keyId(at.projection, at.tenant, at.key) === id)
  return {
    row: tables.rows.get(id),
    tombstone: Math.max(0, ...tombstones.map((tombstone) => tombstone.position)),
    parked: tables.parked.some((at) => at.by === 'key' && keyId(at.projection, at.tenant, at.key) === id),
  }
}

/** Folds events over the tables as one batch. */
export function replayBatch(
  tables: Tables,
  domain: Domain,
  events: readonly StoredEvent[],
  registered: readonly RegisteredProjection[] = registerAll(domain),
): void {
  const { touches } = interpretEvents(domain, toProjectionSet(registered), events)
  const keys = new Map<string, StoredKey>()
  for (const { projection, stored, key } of touches) {
    if (key === undefined) continue
    const { tenant } = stored
    keys.set(keyId(projection.id, tenant, key), storedKeyOf(tables, { projection: projection.id, tenant, key }))
  }
  const parkedStreams = new Set(
    tables.parked.filter((at) => at.by === 'stream').map((at) => keyId(at.projection, at.tenant, at.key)),
  )
  applyWrites(tables, foldBatch(touches, { keys, parkedStreams }))
}

/** One text per value, equal for equal values whatever the order of their keys. */
export function canonical(value: object): string {
  const encoded = toStoredJson(value, { maxLength: 10_000_000 })
  if (!encoded.ok) throw new Error(`Not to be compared: ${JSON.stringify(encoded.issue)}`)
  return encoded.text
}
