import { fromStoredJson, type Domain, type Json } from '@tidemark/core'
import type { Driver, PostgresStore } from '@tidemark/store'
import { foldBatch, keyId, type StoredKey } from './fold-batch.ts'
import { interpretEvents } from './interpret-events.ts'
import { toProjectionSet } from './registered-projection.ts'
import { readWithTail, type RowWithTail } from './statements/read-with-tail.ts'

export interface InlineRead {
  readonly tenant: string
  readonly lane: number
  /** Name of a projection whose key is the stream. */
  readonly projection: string
  readonly stream: string
  /** Granted to the caller: a row of another scope is told like none. */
  readonly scopes: readonly string[]
}

export type InlineRow =
  /** `stale`: events of it are parked, so it may be behind. */
  | { readonly kind: 'row'; readonly row: Json; readonly stale: boolean }
  | { readonly kind: 'none' }
  /** The projection's version is being built. */
  | { readonly kind: 'not-live' }
  /** More events of the stream are not folded yet than a read takes on: wait for the projection, or fold the stream. */
  | { readonly kind: 'behind' }

/** Most events that a read folds. */
const TAIL = 500

/**
 * Reads a row as new as the log: the projected row and the stream's events after the checkpoint, in one snapshot, and
 * those folded over it by the code that the worker runs. An append is seen by every read that begins after it was
 * answered, one that conflicted by none, and appends do not pay for it: nothing is written in their transaction.
 *
 * @throws TypeError where the projection's key is not the stream; DatabaseError.
 */
export async function readInline(
  context: { readonly store: Pick<PostgresStore, 'sql'>; readonly domain: Domain },
  read: InlineRead,
): Promise<InlineRow> {
  const { domain } = context
  const projection = domain.projectionsByName.get(read.projection)
  if (projection === undefined) throw new TypeError(`The domain has no projection "${read.projection}".`)
  const sql: Driver = context.store.sql()
  const found = await readWithTail(sql, { ...read, version: projection.version, limit: TAIL + 1 })
  if (found === undefined) return { kind: 'not-live' }
  if (found.tail.length > TAIL) return { kind: 'behind' }
  if (found.tail.length === 0 || found.parked) return toRow(read, found.text, found.scope, found.parked)

  const { touches, block } = interpretEvents(domain, toProjectionSet([{ id: found.id, projection }]), found.tail)
  const foreign = touches.find((touch) => touch.key !== undefined && touch.key !== read.stream)
  if (foreign !== undefined) {
    throw new TypeError(`Projection "${read.projection}" is not keyed by stream: it cannot be read inline.`)
  }
  const id = keyId(found.id, read.tenant, read.stream)
  const written = foldBatch(touches, { keys: new Map([[id, toStoredKey(found)]]), parkedStreams: new Set() })
  // What newer code wrote, or what would be parked, is not in it.
  const stale = block !== undefined || written.parked.length > 0
  const [row] = written.rows
  if (row !== undefined) return toRow(read, row.text, row.scope, stale)
  return written.gone.length > 0 ? { kind: 'none' } : toRow(read, found.text, found.scope, stale)
}

function toStoredKey({ text, scope, position, changed }: RowWithTail): StoredKey {
  const isRow = text !== null && scope !== null && position !== null && changed !== null
  return { row: isRow ? { text, scope, position, changed, stale: false } : undefined, tombstone: 0, parked: false }
}

function toRow({ scopes }: InlineRead, text: string | null, scope: string | null, stale: boolean): InlineRow {
  if (text === null || scope === null || !scopes.includes(scope)) return { kind: 'none' }
  return { kind: 'row', row: fromStoredJson(text), stale }
}
