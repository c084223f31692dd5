import {
  isSameJson,
  stateProjection,
  type AnyAggregate,
  type AnyProjection,
  type Domain,
  type Json,
  type StreamId,
  type Uuid,
  type VersionedState,
} from '@tidemark/core'
import { needsAttention, rowsTouchedBy, type Change, type ConfirmedRow, type RowChange } from './change.ts'
import type { Versions } from './database.ts'
import { createCommandList } from './command-list.ts'
import { createDerived, LOADING, type Derived, type DerivedHooks, type Loading } from './live.ts'
import { createOverlay, foldRow, rowId, type OverlayCommand, type RowKey } from './overlay.ts'
import { foldedEvents } from './rebase.ts'
import type { AttentionRecord, PendingRecord } from './records.ts'
import type { SyncedRow } from './tidemark-client.ts'
import type { Overlaid, Scan, WindowView } from './window-view.ts'

/** Confirmed rows kept in memory besides those that something shows or pending work needs. */
const KEPT_ROWS = 4_000

const IDLE_SWEEPS = 2

type RowLive = Derived<SyncedRow<unknown> | undefined | Loading>
interface RowViews {
  readonly row: RowKey
  readonly lives: Set<RowLive>
  /** Sweeps since somebody watched. */
  idle: number
}

/** What storage holds of the parts that memory mirrors, read in one look. */
export interface Contents {
  readonly commands: readonly PendingRecord[]
  readonly attention: readonly AttentionRecord[]
  readonly rows: readonly RowChange[]
  readonly scans: ReadonlyMap<WindowView, Scan>
  readonly versions: Versions
}

/**
 * What this tab has in memory: pending work, the confirmed rows it is folded over, and the lists on screen. It is
 * changed in steps; listeners hear of a step when all of it is in place, so no reader ever sees half of one (I9).
 */
export interface Mirror {
  readonly versions: Versions
  /** Pending commands of all tabs in order; those of this tab that are still being stored come last. */
  commands(): readonly PendingRecord[]
  commandsOf(stream: StreamId): readonly PendingRecord[]
  attention(): readonly AttentionRecord[]
  /** `undefined` where it is not in memory, `null` where there is no such row. */
  confirmed(row: RowKey): ConfirmedRow | null | undefined
  /** Confirmed state of a stream: `undefined` not in memory, `null` not on this device. */
  confirmedState(aggregate: AnyAggregate, stream: StreamId): VersionedState | null | undefined
  rowView(row: RowKey, hooks: DerivedHooks): RowLive
  addWindow(window: WindowView): void
  dropWindow(window: WindowView): void
  windows(): Iterable<WindowView>
  /** Rows that memory must hold: under pending commands, and watched. */
  neededRows(): RowKey[]
  /** Lets go of rows that nobody has watched for two sweeps. */
  sweep(): void
  /** Values that follow from pending work and are told of its changes. */
  onWork(derived: Derived<unknown>): void

  /** Shows a command of this tab that is not stored yet. */
  begin(command: PendingRecord): void
  /** Takes it back. */
  abandon(id: Uuid): void
  isBeingStored(id: Uuid): boolean
  /** Takes in rows that were read at the present version. */
  learn(rows: readonly RowChange[]): void
  loadWindow(window: WindowView, scan: Scan): void
  /** Follows a stored change. `false`: something was missed before it, and everything must be read again. */
  follow(change: Change): boolean
  /** Takes in everything anew. */
  replace(contents: Contents): void
}

export function createMirror(domain: Domain): Mirror {
  const overlay = createOverlay()
  const confirmed = new Map<string, ConfirmedRow | null>()
  const overlaidRows = new Map<string, SyncedRow<unknown> | 'removed'>()
  const rowViews = new Map<string, RowViews>()
  const windows = new Set<WindowView>()
  const workViews = new Set<Derived<unknown>>()
  const beingStored = new Map<Uuid, PendingRecord>()
  /** Of those, what has been stored in a step that memory could not follow: the count of changes that holds it. */
  const storedAt = new Map<Uuid, number>()
  let versions: Versions = { rows: 0, work: 0 }
  const commands = createCommandList()
  let attention: readonly AttentionRecord[] = []
  const stateProjections = new Map(domain.aggregates.map((each) => [each.name, stateProjection(each).name]))

  // One step: rows whose shown value may have changed are collected, and everything is told at the end.
  const dirty = new Map<string, { readonly row: RowKey; record?: ConfirmedRow | null }>()
  let workDirty = false

  function markRow(row: RowKey, record?: ConfirmedRow | null): void {
    const at = rowId(row.projection.name, row.key)
    const before = dirty.get(at)
    const latest = record === undefined ? before?.record : record
    dirty.set(at, latest === undefined ? { row } : { row, record: latest })
  }

  function setConfirmed({ projection, key, record }: RowChange): void {
    const declared = domain.projectionsByName.get(projection)
    if (declared === undefined) return
    const at = rowId(projection, key)
    const before = confirmed.get(at)
    if (before !== undefined) confirmed.delete(at)
    confirmed.set(at, record)
    if (before !== undefined && isSameRecord(before, record)) return
    markRow({ projection: declared, key }, record)
  }

  function takeFromWindows(row: RowKey): void {
    if (confirmed.has(rowId(row.projection.name, row.key))) return
    for (const window of windows) {
      const record = window.projection === row.projection ? window.confirmed(row.key) : undefined
      if (record === undefined) continue
      setConfirmed({ projection: row.projection.name, key: row.key, record })
      return
    }
  }

  /** What pending work makes of a row; `null` where nothing pending touches it, or where its base is not here yet. */
  function fold(row: RowKey, at: string): SyncedRow<unknown> | 'removed' | null {
    const contributions = overlay.contributionsTo(at)
    const base = confirmed.get(at)
    if (contributions.length === 0 || base === undefined) return null
    const folded = foldRow(row.projection, base?.row, contributions)
    if (folded.row === undefined) return 'removed'
    const before = overlaidRows.get(at)
    const next: SyncedRow<unknown> = {
      key: row.key,
      row: folded.row,
      pending: folded.pending,
      attention: folded.attention,
      stale: folded.failed || (base?.stale ?? false),
    }
    return typeof before === 'object' && isSameSynced(before, next) ? before : next
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
    const base = confirmed.get(at)
    if (base === undefined) return LOADING
    if (base === null) return undefined
    const next: SyncedRow<unknown> = { key: base.key, row: base.row, pending: 0, attention: false, stale: base.stale }
    return typeof previous === 'object' && isSameSynced(previous, next) ? previous : next
  }

  function settle(): void {
    const told: (() => void)[] = []
    for (const [at, { row }] of dirty) {
      const over = fold(row, at)
      if (over === null) overlaidRows.delete(at)
      else overlaidRows.set(at, over)
    }
    for (const [at, { row, record }] of dirty) {
      for (const live of rowViews.get(at)?.lives ?? []) live.invalidate()
      for (const window of windows) {
        if (window.projection === row.projection) window.update(row.key, record, overlaidIn(row.projection))
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
    // Rows under pending work stay, so they do not count: they would push out what was read a moment ago.
    let excess = confirmed.size - overlaidRows.size - KEPT_ROWS
    for (const at of confirmed.keys()) {
      if (excess <= 0) break
      if (rowViews.has(at) || overlay.contributionsTo(at).length > 0) continue
      confirmed.delete(at)
      excess -= 1
    }
  }

  function putCommand(command: PendingRecord): void {
    workDirty = true
    commands.put(command)
    for (const row of overlay.put(toOverlayCommand(domain, command))) markRow(row)
  }

  function dropCommand(id: Uuid): void {
    workDirty = true
    commands.drop(id)
    for (const row of overlay.drop(id)) markRow(row)
  }

  function endStoring(id: Uuid): boolean {
    storedAt.delete(id)
    return beingStored.delete(id)
  }

  function setCommands(put: readonly PendingRecord[], dropped: readonly Uuid[]): void {
    for (const id of dropped) dropCommand(id)
    for (const command of put) {
      endStoring(command.id)
      putCommand(command)
    }
  }

  return {
    get versions() {
      return versions
    },
    commands: commands.all,
    commandsOf: commands.of,
    attention: () => attention,
    confirmed: (row) => confirmed.get(rowId(row.projection.name, row.key)),
    confirmedState: (aggregate, stream) => {
      const found = confirmed.get(rowId(stateProjections.get(aggregate.name) ?? '', stream))
      return found === undefined || found === null ? found : (found.row as unknown as VersionedState)
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
      putCommand(command)
      // What is on screen is in memory: only rows that nothing shows may have to be read first.
      for (const { row } of [...dirty.values()]) takeFromWindows(row)
      settle()
    },
    abandon: (id) => {
      if (!endStoring(id)) return
      dropCommand(id)
      settle()
    },
    isBeingStored: (id) => beingStored.has(id),
    learn: (rows) => {
      for (const row of rows) setConfirmed(row)
      settle()
    },
    loadWindow: (window, scan) => {
      const overlaid = [...overlay.rowsIn(window.projection.name).values()].map((row) => row.key)
      window.load(scan, overlaidIn(window.projection), overlaid)
      settle()
    },
    follow: (change) => {
      const isNext =
        change.versions.rows === versions.rows + change.moved.rows &&
        change.versions.work === versions.work + change.moved.work
      if (!isNext || change.everything) {
        for (const { id } of change.put) if (beingStored.has(id)) storedAt.set(id, change.versions.work)
        return false
      }
      versions = change.versions
      for (const row of change.rows) setConfirmed(row)
      setCommands(change.put, change.dropped)
      if (change.attentionPut.length > 0 || change.attentionDropped.length > 0) {
        const replaced = new Set([...change.attentionPut.map((each) => each.id), ...change.attentionDropped])
        attention = [...attention.filter((each) => !replaced.has(each.id)), ...change.attentionPut]
        workDirty = true
      }
      settle()
      return true
    },
    replace: (contents) => {
      versions = contents.versions
      const stored = new Set(contents.commands.map((each) => each.id))
      for (const id of stored) endStoring(id)
      // Stored before this look and not found by it: its outcome is in the rows already.
      for (const [id, at] of storedAt) if (at <= versions.work) endStoring(id)
      for (const command of commands.all()) {
        if (!stored.has(command.id) && !beingStored.has(command.id)) dropCommand(command.id)
      }
      for (const command of contents.commands) {
        if (!isSameJson(command as unknown as Json, (commands.get(command.id) ?? null) as unknown as Json))
          putCommand(command)
      }
      attention = contents.attention
      workDirty = true
      const fresh = new Set(contents.rows.map((row) => rowId(row.projection, row.key)))
      for (const at of [...confirmed.keys()]) if (!fresh.has(at)) confirmed.delete(at)
      for (const row of contents.rows) setConfirmed(row)
      // Folds need the new bases, and windows what was folded.
      for (const [at, { row }] of dirty) {
        const over = fold(row, at)
        if (over === null) overlaidRows.delete(at)
        else overlaidRows.set(at, over)
      }
      for (const [window, scan] of contents.scans) {
        const overlaid = [...overlay.rowsIn(window.projection.name).values()].map((row) => row.key)
        window.load(scan, overlaidIn(window.projection), overlaid)
      }
      settle()
    },
  }
}

function toOverlayCommand(domain: Domain, command: PendingRecord): OverlayCommand {
  return {
    id: command.id,
    order: command.seq,
    events: foldedEvents(command),
    attention: needsAttention(command),
    rows: rowsTouchedBy(domain, command),
  }
}

function isSameRecord(a: ConfirmedRow | null, b: ConfirmedRow | null): boolean {
  if (a === null || b === null) return a === b
  return a.stale === b.stale && isSameJson(a.row, b.row)
}

function isSameSynced(a: SyncedRow<unknown>, b: SyncedRow<unknown>): boolean {
  return (
    a.pending === b.pending &&
    a.attention === b.attention &&
    a.stale === b.stale &&
    isSameJson(a.row as Json, b.row as Json)
  )
}
