import { toStoredJson } from '@tidemark/core'
import { messageOf, type ParkError, type Touch } from './interpret-events.ts'
import type { ParkedReason } from './park-reason.ts'
import { ROW_LIMITS, scopeProblem } from './row-limits.ts'

/** A row as it is stored; `text` is its canonical JSON. */
export interface StoredRow {
  readonly text: string
  readonly scope: string
  /** The last event folded into it. */
  readonly position: number
  /** The feed position at which clients must fetch it. */
  readonly changed: number
  readonly stale: boolean
}

/** What is stored under one (projection, tenant, key). */
export interface StoredKey {
  readonly row: StoredRow | undefined
  /** Position of the key's newest tombstone, 0 where it has none. */
  readonly tombstone: number
  readonly parked: boolean
}

/** What is stored for the keys and streams that a batch touches. */
export interface StoredState {
  /** By {@link keyId}. Keys of which nothing is stored are absent. */
  readonly keys: ReadonlyMap<string, StoredKey>
  /** {@link keyId} of streams that a projection has parked events of without knowing their keys. */
  readonly parkedStreams: ReadonlySet<string>
}

export interface RowId {
  readonly projection: number
  readonly tenant: string
  readonly key: string
}

export interface Tombstone extends RowId {
  readonly scope: string
  readonly position: number
  readonly changed: number
}

export interface ParkedEvent extends RowId {
  /** What `key` is: the row's key, or the event's stream where the key is not known. */
  readonly by: 'key' | 'stream'
  readonly position: number
  readonly reason: ParkedReason
  /** Times it was tried. */
  readonly attempts: number
  readonly eventId: string
  readonly stream: string
  readonly type: string
  readonly error: { readonly message: string } | null
}

/** All that a batch changes; what is not named stays as it is. */
export interface BatchWrites {
  readonly rows: readonly (RowId & StoredRow)[]
  readonly gone: readonly RowId[]
  readonly tombstones: readonly Tombstone[]
  /** Tombstones to take away: the row is in that scope again. */
  readonly lifted: readonly (RowId & { readonly scope: string })[]
  readonly parked: readonly ParkedEvent[]
}

/** Identity of (projection, tenant, key or stream). None of them holds a newline. */
export function keyId(projection: number, tenant: string, key: string): string {
  return `${projection}\n${tenant}\n${key}`
}

interface Working {
  readonly id: RowId
  readonly stored: StoredKey | undefined
  row: StoredRow | undefined
  /** The decoded row, `undefined` where it must be decoded from the text first. */
  value: unknown
  position: number
  parked: boolean
  dirty: boolean
  /** Most keys never leave a scope. */
  tombstones: Map<string, { position: number; changed: number }> | undefined
  lifted: Set<string> | undefined
}

/**
 * Folds a batch over what is stored. Pure: the same log leads to the same rows and tombstones however it is cut into
 * batches.
 *
 * The row is brought to its canonical form after every single fold, not once per batch: otherwise a fold could see
 * another order of keys, or an `undefined`, depending on where a batch happened to end.
 */
export function foldBatch(touches: readonly Touch[], stored: StoredState): BatchWrites {
  const working = new Map<string, Working>()
  const parkedStreams = new Set<string>()
  const parked: ParkedEvent[] = []

  for (const touch of touches) {
    const { projection, stored: event, key } = touch
    const behindStream = isBehind(touch, parkedStreams) || isBehind(touch, stored.parkedStreams)
    if (key === undefined) {
      parked.push(toParked(touch, 'stream', event.stream, behindStream))
      parkedStreams.add(keyId(projection.id, event.tenant, event.stream))
      continue
    }
    const at = workingFor(working, stored, touch, key)
    if (at.parked || behindStream) {
      parked.push(toParked(touch, 'key', key, true))
      park(at, event.position)
      continue
    }
    // Folded already: a batch may be offered again, a row never takes an event twice.
    if (event.position <= at.position) continue
    const error = touch.folding.kind === 'park' ? touch.folding.error : foldEvent(touch, at)
    if (error === undefined) continue
    parked.push(toParked({ ...touch, folding: { kind: 'park', error } }, 'key', key, false))
    park(at, event.position)
  }
  return { ...toWrites(working), parked }
}

/** Whether the event's stream is among those that are parked: none, nearly always. */
function isBehind({ projection, stored }: Touch, parkedStreams: ReadonlySet<string>): boolean {
  return parkedStreams.size > 0 && parkedStreams.has(keyId(projection.id, stored.tenant, stored.stream))
}

function workingFor(working: Map<string, Working>, stored: StoredState, touch: Touch, key: string): Working {
  const projection = touch.projection.id
  const { tenant } = touch.stored
  const mapKey = keyId(projection, tenant, key)
  const known = working.get(mapKey)
  if (known !== undefined) return known
  const found = stored.keys.get(mapKey)
  const created: Working = {
    id: { projection, tenant, key },
    stored: found,
    row: found?.row,
    value: undefined,
    position: Math.max(found?.row?.position ?? 0, found?.tombstone ?? 0),
    parked: found?.parked ?? false,
    dirty: false,
    tombstones: undefined,
    lifted: undefined,
  }
  working.set(mapKey, created)
  return created
}

/** Folds one event into its row. Where that fails the row stays what it was, and the reason is returned. */
function foldEvent({ projection: { projection }, stored, folding }: Touch, at: Working): ParkError | undefined {
  if (folding.kind === 'park') return folding.error
  const before = at.row
  if (before !== undefined && at.value === undefined) at.value = JSON.parse(before.text)
  const failed = (message: string): ParkError => {
    // A fold that threw may have changed the object it was given.
    at.value = undefined
    return { reason: 'failed', message }
  }
  let after: unknown
  try {
    after = projection.fold(before === undefined ? undefined : at.value, folding.event)
  } catch (error) {
    return failed(`fold() threw: ${messageOf(error)}`)
  }
  const { position } = stored
  if (after === undefined) {
    if (before !== undefined) {
      leave(at, before.scope, position)
      at.row = undefined
      at.dirty = true
    }
    at.value = undefined
    at.position = position
    return undefined
  }
  if (typeof after !== 'object' || after === null || Array.isArray(after)) {
    return failed(
      'fold() returned something that is not a row: a row is an object, and `undefined` means there is none.',
    )
  }
  const encoded = toStoredJson(after, { maxLength: ROW_LIMITS.rowLength })
  if (!encoded.ok) {
    const where = encoded.issue.path === '' ? 'the row' : encoded.issue.path
    return failed(`fold() returned a row that cannot be stored: ${encoded.issue.code} at ${where}`)
  }
  let scope: unknown
  try {
    scope = projection.scope(encoded.value)
  } catch (error) {
    return failed(`scope() threw: ${messageOf(error)}`)
  }
  const problem = scopeProblem(scope)
  if (problem !== undefined) return failed(`scope() returned a scope that cannot be used: ${problem}`)
  place(at, { text: encoded.text, value: encoded.value, scope: scope as string }, position)
  return undefined
}

function place(at: Working, after: { text: string; value: unknown; scope: string }, position: number): void {
  const before = at.row
  const same = before !== undefined && before.text === after.text && before.scope === after.scope
  // Nothing to fetch where nothing is different.
  const changed = same ? before.changed : position
  if (before?.scope !== after.scope) {
    if (before !== undefined) leave(at, before.scope, position)
    at.tombstones?.delete(after.scope)
    at.lifted ??= new Set()
    at.lifted.add(after.scope)
  }
  at.row = { text: after.text, scope: after.scope, position, changed, stale: before?.stale ?? false }
  at.value = after.value
  at.position = position
  at.dirty = true
}

function leave(at: Working, scope: string, position: number): void {
  at.tombstones ??= new Map()
  at.tombstones.set(scope, { position, changed: position })
}

/** From here on the key's events are set aside; its row says so to whoever shows it. */
function park(at: Working, position: number): void {
  if (at.parked) return
  at.parked = true
  if (at.row === undefined || at.row.stale) return
  at.row = { ...at.row, stale: true, changed: position }
  at.dirty = true
}

function toParked(touch: Touch, by: 'key' | 'stream', key: string, behind: boolean): ParkedEvent {
  const { stored, folding } = touch
  const error = folding.kind === 'park' ? folding.error : undefined
  const waits = behind || error === undefined
  return {
    projection: touch.projection.id,
    tenant: stored.tenant,
    by,
    key,
    position: stored.position,
    reason: waits ? 'behind' : error.reason,
    attempts: waits ? 0 : 1,
    eventId: stored.id,
    stream: stored.stream,
    type: stored.type,
    error: error === undefined ? null : { message: error.message },
  }
}

function toWrites(working: ReadonlyMap<string, Working>): Omit<BatchWrites, 'parked'> {
  const rows: (RowId & StoredRow)[] = []
  const gone: RowId[] = []
  const tombstones: Tombstone[] = []
  const lifted: (RowId & { scope: string })[] = []
  for (const at of working.values()) {
    if (!at.dirty) continue
    const { id, row, stored } = at
    if (row !== undefined) rows.push(toWrite(id, row))
    else if (stored?.row !== undefined) gone.push(id)
    for (const [scope, tombstone] of at.tombstones ?? []) tombstones.push({ ...id, scope, ...tombstone })
    // Without a stored tombstone there is nothing to take away.
    if ((stored?.tombstone ?? 0) === 0) continue
    for (const scope of at.lifted ?? []) if (at.tombstones?.has(scope) !== true) lifted.push({ ...id, scope })
  }
  return { rows, gone, tombstones, lifted }
}

/** Spelt out: to spread two objects into a third costs as much as folding the row did. */
export function toWrite({ projection, tenant, key }: RowId, row: StoredRow): RowId & StoredRow {
  const { text, scope, position, changed, stale } = row
  return { projection, tenant, key, text, scope, position, changed, stale }
}
