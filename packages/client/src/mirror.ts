import type { AnyAggregate, AnyProjection, Domain, StreamId, Uuid } from '@tidemark/core'
import type { Change, ConfirmedRow, RowChange } from './change.ts'
import type { Versions } from './database.ts'
import { createDerived, LOADING, type Derived, type DerivedHooks, type Loading } from './live.ts'
import { createOverlay, foldRow, rowId, rowsOf, type RowKey } from './overlay.ts'
import { toSynced } from './overlay-record.ts'
import type { ListedCommand } from './queue.ts'
import { foldedEvents } from './prediction.ts'
import type { AttentionRecord, OverlayRecord, PendingRecord } from './records.ts'
import { factsOf, type StreamFacts } from './stream-facts.ts'
import { stateRow } from './state-row.ts'
import type { SyncedRow } from './tidemark-client.ts'
import { isSameSynced, type Overlaid, type Scan, type WindowView } from './window-view.ts'
import { createWorkView, type WorkContents } from './work-view.ts'

/** Stored rows kept in memory besides those that something shows. */
const KEPT_ROWS = 1_000

const IDLE_SWEEPS = 2

type RowLive = Derived<SyncedRow<unknown> | undefined | Loading>
interface RowViews {
  readonly row: RowKey
  readonly lives: Set<RowLive>
  /** Sweeps since somebody watched. */
  idle: number
}

/** A row as it is stored, and what is shown of it; `null`: there is none. */
interface HeldRow {
  readonly record: ConfirmedRow | null
  readonly over: OverlayRecord | null
  readonly shown: SyncedRow<unknown> | null
}

/** What storage holds of the parts that memory mirrors, read in one look. */
export interface Contents {
  readonly work: WorkContents
  readonly rows: readonly RowChange[]
  readonly scans: ReadonlyMap<WindowView, Scan>
  /** Commands that were being stored and are. */
  readonly stored: readonly Uuid[]
  readonly versions: Versions
}

/**
 * What this tab has in memory: rows and lists on screen as they are stored, the commands of this tab that are being
 * stored, and the head of the queue. It is changed in steps; listeners hear of a step when all of it is in place, so no
 * reader ever sees half of one (I9). Nothing in it grows with what is stored, or pending.
 */
export interface Mirror {
  readonly versions: Versions
  /** The first pending commands of all tabs in order; where those are all, the ones that are being stored come last. */
  commands(): readonly ListedCommand[]
  /** How many there are, those that are being stored included. */
  readonly pending: number
  /** The first entries of what was set aside. */
  attention(): readonly AttentionRecord[]
  /** How many were set aside. */
  readonly aside: number
  /** Commands that tell about what waits for a person. */
  around(): readonly ListedCommand[]
  /** Whether the row is in memory. */
  holds(row: RowKey): boolean
  /** What the next command on a stream has to know; `undefined` where it is not in memory. */
  streamFacts(aggregate: AnyAggregate, stream: StreamId): StreamFacts | undefined
  rowView(row: RowKey, hooks: DerivedHooks): RowLive
  addWindow(window: WindowView): void
  dropWindow(window: WindowView): void
  windows(): Iterable<WindowView>
  /** Rows that memory must hold: watched, and under commands that are being stored. */
  neededRows(): RowKey[]
  /** Lets go of rows that nobody has watched for two sweeps. */
  sweep(): void
  /** Values that follow from pending work and are told of its changes. */
  onWork(derived: Derived<unknown>): void

  /** Shows a command of this tab that is not stored yet. */
  begin(command: PendingRecord): void
  /** Takes it back. */
  abandon(id: Uuid): void
  beingStored(): readonly Uuid[]
  /** Takes in rows that were read, and `missed` after they were. */
  learn(rows: readonly RowChange[], missed?: readonly Change[]): void
  loadWindow(window: WindowView, scan: Scan, missed: readonly Change[]): void
  loadWork(work: WorkContents, missed: readonly Change[]): void
  /** More of pending work should be read. */
  readonly isWorkShort: boolean
  /** Follows a stored change. `false`: something was missed before it, and everything must be read again. */
  follow(change: Change): boolean
  /** Takes in everything anew, and `missed` after it was read. */
  replace(contents: Contents, missed: readonly Change[]): void
}

export function createMirror(domain: Domain): Mirror {
  /** Commands of this tab that are being stored, by the rows they change. */
  const overlay = createOverlay()
  const beingStored = new Map<Uuid, PendingRecord>()
  const overlaidRows = new Map<string, SyncedRow<unknown> | 'removed'>()
  const held = new Map<string, HeldRow>()
  const rowViews = new Map<string, RowViews>()
  const windows = new Set<WindowView>()
  const workViews = new Set<Derived<unknown>>()
  const work = createWorkView()
  /** Of those that are being stored, what is stored in a step that memory could not follow: the count of changes that holds it. */
  const storedAt = new Map<Uuid, number>()
  let versions: Versions = { rows: 0, work: 0 }

  // One step: rows whose shown value may have changed are collected, and everything is told at the end.
  const dirty = new Map<string, { readonly row: RowKey; stored?: SyncedRow<unknown> | null }>()
  let workDirty = false

  function markRow(row: RowKey, stored?: SyncedRow<unknown> | null): void {
    const at = rowId(row.projection.name, row.key)
    const before = dirty.get(at)
    const latest = stored === undefined ? before?.stored : stored
    dirty.set(at, latest === undefined ? { row } : { row, stored: latest })
  }

  function setRow({ projection, key, record, over }: RowChange): void {
    const declared = domain.projectionsByName.get(projection)
    if (declared === undefined) return
    const at = rowId(projection, key)
    const before = held.get(at)
    const next = toSynced(record, over)
    const isSame = before !== undefined && isSameShown(before.shown, next)
    const shown = isSame ? before.shown : next
    // Last in, last to be let go.
    held.delete(at)
    held.set(at, { record, over, shown })
    if (!isSame) markRow({ projection: declared, key }, shown)
  }

  /** A row as it is stored: `null` where there is none, `undefined` where it is not in memory. */
  function storedRow(row: RowKey, at: string): SyncedRow<unknown> | null | undefined {
    const known = held.get(at)
    if (known !== undefined) return known.shown
    for (const window of windows) {
      const found = window.projection === row.projection ? window.stored(row.key) : undefined
      if (found !== undefined) return found
    }
    return undefined
  }

  /** What commands that are being stored make of a row; `null` where none touches it, or it is not here yet. */
  function fold(row: RowKey, at: string): SyncedRow<unknown> | 'removed' | null {
    const contributions = overlay.contributionsTo(at)
    if (contributions.length === 0) return null
    const base = storedRow(row, at)
    if (base === undefined) return null
    const folded = foldRow(row.projection, base?.row, contributions)
    if (folded.row === undefined) return 'removed'
    const before = overlaidRows.get(at)
    const next: SyncedRow<unknown> = {
      key: row.key,
      row: folded.row,
      pending: (base?.pending ?? 0) + folded.pending,
      attention: base?.attention ?? false,
      stale: folded.failed || (base?.stale ?? false),
    }
    return typeof before === 'object' && isSameSynced(before, next) ? before : next
  }

  function foldDirty(): void {
    for (const [at, { row }] of dirty) {
      const over = fold(row, at)
      if (over === null) overlaidRows.delete(at)
      else overlaidRows.set(at, over)
    }
  }

  const overlaidIn =
    (projection: AnyProjection): Overlaid =>
    (key) =>
      overlaidRows.get(rowId(projection.name, key)) ?? null

  function shownRow(
    row: RowKey,
    previous: SyncedRow<unknown> | undefined | Loading,
  ): SyncedRow<unknown> | undefined | Loading {
    const at = rowId(row.projection.name, row.key)
    const over = overlaidRows.get(at)
    if (over !== undefined) return over === 'removed' ? undefined : over
    const known = held.get(at)
    if (known === undefined) return LOADING
    if (known.shown === null) return undefined
    return typeof previous === 'object' && isSameSynced(previous, known.shown) ? previous : known.shown
  }

  function settle(): void {
    const told: (() => void)[] = []
    foldDirty()
    for (const [at, { row, stored }] of dirty) {
      for (const live of rowViews.get(at)?.lives ?? []) live.invalidate()
      for (const window of windows) {
        if (window.projection === row.projection) window.update(row.key, stored, overlaidIn(row.projection))
      }
    }
    for (const at of dirty.keys()) for (const live of rowViews.get(at)?.lives ?? []) told.push(...live.settle())
    for (const window of windows) told.push(...window.live.settle())
    if (workDirty) {
      for (const view of workViews) view.invalidate()
      for (const view of workViews) told.push(...view.settle())
    }
    dirty.clear()
    workDirty = false
    trim()
    for (const listener of told) listener()
  }

  function trim(): void {
    // Rows that stay anyway do not count: they would push out what was read a moment ago.
    let excess = held.size - overlaidRows.size - rowViews.size - KEPT_ROWS
    for (const at of held.keys()) {
      if (excess <= 0) break
      if (rowViews.has(at) || overlay.contributionsTo(at).length > 0) continue
      held.delete(at)
      excess -= 1
    }
  }

  function endStoring(id: Uuid): boolean {
    storedAt.delete(id)
    if (!beingStored.delete(id)) return false
    workDirty = true
    for (const row of overlay.drop(id)) markRow(row)
    return true
  }

  function take(change: Change): void {
    versions = change.versions
    for (const row of change.rows) setRow(row)
    for (const { id } of change.put) endStoring(id)
    if (change.moved.work > 0) {
      work.follow(change)
      workDirty = true
    }
  }

  function load(window: WindowView, scan: Scan): void {
    const overlaid = [...overlay.rowsIn(window.projection.name).values()].map((row) => row.key)
    window.load(scan, overlaidIn(window.projection), overlaid)
    // Commands that are being stored may be folded over rows that only this list holds.
    for (const row of overlay.rowsIn(window.projection.name).values()) markRow(row)
  }

  return {
    get versions() {
      return versions
    },
    commands: () => [...work.commands(), ...(work.isWhole ? beingStored.values() : [])],
    get pending() {
      return work.pending + beingStored.size
    },
    attention: work.attention,
    get aside() {
      return work.aside
    },
    around: work.around,
    holds: (row) => held.has(rowId(row.projection.name, row.key)),
    streamFacts: (aggregate, stream) => {
      const state = held.get(rowId(stateRow(domain, aggregate).name, stream))
      if (state === undefined) return undefined
      const { record, over } = state
      const on = [...beingStored.values()].filter((command) => command.stream === stream)
      return factsOf(aggregate, record, over, on)
    },
    rowView: (row, hooks) => {
      const at = rowId(row.projection.name, row.key)
      const [known] = rowViews.get(at)?.lives ?? []
      if (known !== undefined) return known
      const live: RowLive = createDerived((previous) => shownRow(row, previous), {
        ...hooks,
        onLook: () => {
          // One that was let go comes back when somebody looks again, beside any that took its place.
          const views = rowViews.get(at) ?? { row, lives: new Set(), idle: 0 }
          views.idle = 0
          rowViews.set(at, views)
          if (!views.lives.has(live)) {
            views.lives.add(live)
            live.invalidate()
          }
          hooks.onLook?.()
        },
      })
      return live
    },
    addWindow: (window) => {
      windows.add(window)
    },
    dropWindow: (window) => {
      windows.delete(window)
    },
    windows: () => windows,
    neededRows: () => {
      const needed = new Map<string, RowKey>()
      for (const row of overlay.all()) needed.set(rowId(row.projection.name, row.key), row)
      for (const [at, { row }] of rowViews) needed.set(at, row)
      return [...needed.values()]
    },
    sweep: () => {
      for (const [at, views] of rowViews) {
        if ([...views.lives].some((live) => live.watched)) views.idle = 0
        else if (++views.idle > IDLE_SWEEPS) rowViews.delete(at)
      }
    },
    onWork: (derived) => {
      workViews.add(derived)
    },
    begin: (command) => {
      beingStored.set(command.id, command)
      workDirty = true
      const events = foldedEvents(command)
      const touched = overlay.put({
        id: command.id,
        order: command.seq,
        events,
        attention: false,
        rows: rowsOf(domain, events),
      })
      for (const row of touched) markRow(row)
      settle()
    },
    abandon: (id) => {
      if (!endStoring(id)) return
      settle()
    },
    beingStored: () => [...beingStored.keys()],
    learn: (rows, missed = []) => {
      for (const row of rows) setRow(row)
      const learnt = new Set(rows.map((row) => rowId(row.projection, row.key)))
      for (const change of missed) {
        for (const row of change.rows) if (learnt.has(rowId(row.projection, row.key))) setRow(row)
      }
      settle()
    },
    loadWindow: (window, scan, missed) => {
      load(window, scan)
      for (const change of missed) for (const row of change.rows) setInWindow(window, row)
      settle()
    },
    loadWork: (contents, missed) => {
      work.load(contents)
      for (const change of missed) work.follow(change)
      workDirty = true
      settle()
    },
    get isWorkShort() {
      return work.isShort
    },
    follow: (change) => {
      const isNext =
        change.versions.rows === versions.rows + change.moved.rows &&
        change.versions.work === versions.work + change.moved.work
      if (!isNext || change.everything || work.isDryAfter(change)) {
        for (const { id } of change.put) if (beingStored.has(id)) storedAt.set(id, change.versions.work)
        return false
      }
      take(change)
      settle()
      return true
    },
    replace: ({ work: contents, rows, scans, stored, versions: read }, missed) => {
      versions = read
      work.load(contents)
      workDirty = true
      for (const id of stored) endStoring(id)
      // Stored before this look and not found by it: its outcome is in the rows already.
      for (const [id, at] of storedAt) if (at <= versions.work) endStoring(id)
      const fresh = new Set(rows.map((row) => rowId(row.projection, row.key)))
      for (const at of [...held.keys()]) if (!fresh.has(at)) held.delete(at)
      for (const row of rows) setRow(row)
      // Folds need the new bases, and windows what was folded.
      foldDirty()
      for (const [window, scan] of scans) load(window, scan)
      for (const change of missed) take(change)
      settle()
    },
  }

  /** What a window has missed since it was read: of what memory holds already, nothing else tells it. */
  function setInWindow(window: WindowView, { projection, key, record, over }: RowChange): void {
    if (window.projection.name !== projection) return
    window.update(key, toSynced(record, over), overlaidIn(window.projection))
  }
}

function isSameShown(a: SyncedRow<unknown> | null, b: SyncedRow<unknown> | null): boolean {
  return a === null || b === null ? a === b : isSameSynced(a, b)
}
