import {
  keyId,
  toWrite,
  type BatchWrites,
  type ParkedEvent,
  type RowId,
  type StoredKey,
  type StoredRow,
  type StoredState,
  type Tombstone,
} from './fold-batch.ts'

/** What one key has come to since it was last written. */
interface Pending {
  readonly id: RowId
  row: StoredRow | undefined
  gone: boolean
  /** Most keys have none of these. */
  tombstones: Map<string, { readonly position: number; readonly changed: number }> | undefined
  lifted: Set<string> | undefined
  parked: ParkedEvent[] | undefined
}

/**
 * The rows of a build in memory: what many batches made of them, written all at once. A row that ten batches touch is
 * written once. Written in portions, since one large commit would hold up those that others wait for. Pure.
 */
export interface FoldMemory extends StoredState {
  /** Those of which it is not known what is stored. */
  missing(ids: readonly RowId[]): readonly RowId[]
  /** What is stored of keys that were missing; of those that are not among it, nothing is. */
  learn(asked: readonly RowId[], stored: ReadonlyMap<string, StoredKey>): void
  /** What a batch changes. */
  add(writes: BatchWrites): void
  /** Length of all that is known of rows, in UTF-16 units. */
  readonly length: number
  /** Rows, removals and tombstones that wait to be written. */
  readonly pending: number
  /**
   * All that waits, in portions of at most so many keys; it waits no more. Keys with parked events are in the last one:
   * what was parked is not looked at twice, so it must be written with the checkpoint. Each portion is put together when it is
   * asked for: all of them at once would take too long.
   */
  take(keys: number): { readonly rest: readonly (() => BatchWrites)[]; readonly last: () => BatchWrites }
  /** Forgets what is known; nothing may be waiting. */
  forget(): void
}

const UNKNOWN: StoredKey = { row: undefined, tombstone: 0, parked: false }

export function createFoldMemory(): FoldMemory {
  const keys = new Map<string, StoredKey>()
  const waiting = new Map<string, Pending>()
  let length = 0

  const know = (id: string, stored: StoredKey): void => {
    length += (stored.row?.text.length ?? 0) - (keys.get(id)?.row?.text.length ?? 0)
    keys.set(id, stored)
  }
  const pend = (id: string, { projection, tenant, key }: RowId): Pending => {
    const known = waiting.get(id)
    if (known !== undefined) return known
    const created: Pending = {
      id: { projection, tenant, key },
      row: undefined,
      gone: false,
      tombstones: undefined,
      lifted: undefined,
      parked: undefined,
    }
    waiting.set(id, created)
    return created
  }
  const idOf = ({ projection, tenant, key }: RowId): string => keyId(projection, tenant, key)

  return {
    keys,
    // An event whose key cannot be known ends the parts of a build: see fold-part.ts.
    parkedStreams: new Set(),
    missing: (ids) => ids.filter((id) => !keys.has(idOf(id))),
    learn: (asked, stored) => {
      for (const at of asked) {
        const id = idOf(at)
        know(id, stored.get(id) ?? UNKNOWN)
      }
    },
    add: ({ rows, gone, lifted, tombstones, parked }) => {
      for (const at of gone) {
        const id = idOf(at)
        know(id, { ...(keys.get(id) ?? UNKNOWN), row: undefined })
        const key = pend(id, at)
        key.row = undefined
        key.gone = true
      }
      for (const { projection, tenant, key: name, text, scope, position, changed, stale } of rows) {
        const id = keyId(projection, tenant, name)
        const { tombstone, parked: isParked } = keys.get(id) ?? UNKNOWN
        const row = { text, scope, position, changed, stale }
        know(id, { row, tombstone, parked: isParked })
        const key = pend(id, { projection, tenant, key: name })
        key.row = row
        key.gone = false
      }
      for (const at of lifted) {
        const key = pend(idOf(at), at)
        key.tombstones?.delete(at.scope)
        key.lifted ??= new Set()
        key.lifted.add(at.scope)
      }
      for (const at of tombstones) {
        const id = idOf(at)
        const known = keys.get(id) ?? UNKNOWN
        know(id, { ...known, tombstone: Math.max(known.tombstone, at.position) })
        const key = pend(id, at)
        key.tombstones ??= new Map()
        key.tombstones.set(at.scope, { position: at.position, changed: at.changed })
        key.lifted?.delete(at.scope)
      }
      for (const event of parked) {
        const id = idOf(event)
        know(id, { ...(keys.get(id) ?? UNKNOWN), parked: true })
        const key = pend(id, event)
        key.parked ??= []
        key.parked.push(event)
      }
    },
    get length() {
      return length
    },
    get pending() {
      return waiting.size
    },
    take: (most) => {
      const portions: Pending[][] = []
      const last: Pending[] = []
      for (const key of waiting.values()) {
        if (key.parked !== undefined) last.push(key)
        else if ((portions.at(-1)?.length ?? most) < most) portions.at(-1)?.push(key)
        else portions.push([key])
      }
      waiting.clear()
      const end = last.length > 0 ? last : (portions.pop() ?? [])
      return { rest: portions.map((portion) => () => toWrites(portion)), last: () => toWrites(end) }
    },
    forget: () => {
      if (waiting.size > 0) throw new Error('What is not written yet cannot be forgotten.')
      keys.clear()
      length = 0
    },
  }
}

function toWrites(portion: readonly Pending[]): BatchWrites {
  const tombstones: Tombstone[] = []
  for (const { id, tombstones: its } of portion) {
    for (const [scope, at] of its ?? []) tombstones.push({ ...id, scope, ...at })
  }
  return {
    rows: portion.flatMap(({ id, row }) => (row === undefined ? [] : [toWrite(id, row)])),
    gone: portion.flatMap(({ id, gone }) => (gone ? [id] : [])),
    tombstones,
    lifted: portion.flatMap(({ id, lifted }) => [...(lifted ?? [])].map((scope) => ({ ...id, scope }))),
    parked: portion.flatMap(({ parked }) => parked ?? []),
  }
}
