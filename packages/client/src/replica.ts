import type { Domain } from '@tidemark/core'
import { readRows, toChange, type Change, type ChangeDraft, type RowChange } from './change.ts'
import type { Database, TableName, Tables, Versions, Write } from './database.ts'
import type { Mirror } from './mirror.ts'
import { rowId, rowsOfStream, type RowKey } from './overlay.ts'
import { refold } from './refold.ts'
import { scanWindow } from './scan-window.ts'
import type { Scan, WindowView } from './window-view.ts'
import { readWork } from './work-view.ts'

/** Rows of a freshly loaded window whose streams are made ready for commands. */
const WARM_ROWS = 100

/**
 * What this device stores, and its mirror in memory, kept in step: what memory shows is always one version of what is
 * stored, plus the commands of this tab that are being stored.
 */
export interface Replica {
  readonly database: Database
  readonly mirror: Mirror
  /** Runs one write transaction, shows what it did, and tells the other tabs. */
  write(
    durability: 'strict' | 'relaxed',
    tables: readonly TableName[],
    change: (write: Write) => Promise<ChangeDraft>,
  ): Promise<Change>
  /** Follows what another tab did. */
  receive(change: Change): Promise<void>
  /** Reads everything that memory mirrors again, if storage has gone past it. */
  catchUp(atLeast?: Versions): Promise<void>
  /** Brings rows into memory. */
  ensureRows(rows: readonly RowKey[]): Promise<void>
  loadWindow(window: WindowView): Promise<void>
  /** Tells of each change that memory has followed, and with `null` that it was read anew. */
  onFollow(listener: (change: Change | null) => void): void
}

export interface ReplicaOptions {
  readonly domain: Domain
  readonly database: Database
  readonly mirror: Mirror
  readonly onChange: (change: Change) => void
  readonly onTrouble: (error: unknown) => void
}

/** What a read into memory is for: where memory has to be read again first, it comes with that. */
interface Wanted {
  readonly rows?: readonly RowKey[]
  readonly window?: WindowView
}

export function createReplica({ domain, database, mirror, onChange, onTrouble }: ReplicaOptions): Replica {
  // Reads that must match memory's version, and changes of rows, take turns: no read is ever overtaken by those in this
  // tab. Commands that are stored meanwhile wait for nobody; what they do is taken in after what was read.
  let turn: Promise<unknown> = Promise.resolve()
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = turn.then(work)
    turn = result.catch(() => undefined)
    return result
  }

  let target: Versions = { rows: 0, work: 0 }
  let catching: Promise<void> | undefined
  let isWorkLoading = false
  /** Changes that memory has followed while something was being read. */
  let followed: Change[] | undefined
  const writing = new Set<Promise<unknown>>()
  /** Rows that are on their way into memory. */
  const reading = new Map<string, Promise<void>>()
  const idOf = (row: RowKey): string => rowId(row.projection.name, row.key)
  const listeners = new Set<(change: Change | null) => void>()
  const isAfter = (a: Versions, b: Versions): boolean => a.rows > b.rows || a.work > b.work
  const isBehind = (than: Versions): boolean => isAfter(than, mirror.versions)

  /** A look into storage, and what memory has followed that it does not show. */
  async function look<T>(
    tables: readonly TableName[],
    read: (tables: Tables) => Promise<T>,
  ): Promise<{ readonly value: T; readonly versions: Versions; readonly missed: () => readonly Change[] }> {
    const since: Change[] = []
    followed = since
    const { value, versions } = await database.read(tables, read).catch((error: unknown) => {
      followed = undefined
      throw error
    })
    const missed = (): readonly Change[] => {
      followed = undefined
      return since.filter((change) => isAfter(change.versions, versions))
    }
    return { value, versions, missed }
  }

  async function readEverything({ rows: more = [], window: other }: Wanted = {}): Promise<void> {
    for (;;) {
      const wanted = [...mirror.neededRows(), ...more]
      const windows = [...mirror.windows()].filter((window) => window.loaded || window === other)
      const beingStored = mirror.beingStored()
      const { value, versions, missed } = await look(['rows', 'overlay', 'pending', 'attention'], async (tables) => {
        const [work, rows, found] = await Promise.all([
          readWork(tables),
          readRows(tables, wanted),
          tables.pending.bulkGet([...beingStored]),
        ])
        const scans = new Map<WindowView, Scan>()
        for (const window of windows) scans.set(window, await scanWindow(tables, window))
        return { work, rows, scans, stored: found.flatMap((command) => command?.id ?? []) }
      })
      const read = new Set(value.rows.map((row) => rowId(row.projection, row.key)))
      const isComplete = mirror.neededRows().every((row) => read.has(rowId(row.projection.name, row.key)))
      // Commands are stored while this reads: a look without their rows must not replace memory.
      if (!isComplete) continue
      mirror.replace({ ...value, versions }, missed())
      for (const listener of listeners) listener(null)
      return
    }
  }

  async function catchUpInTurn(atLeast: Versions, wanted?: Wanted): Promise<void> {
    while (isBehind(atLeast)) await readEverything(wanted)
  }

  function catchUp(atLeast: Versions): Promise<void> {
    target = { rows: Math.max(target.rows, atLeast.rows), work: Math.max(target.work, atLeast.work) }
    catching ??= inTurn(async () => {
      try {
        while (isBehind(target)) await readEverything()
      } finally {
        catching = undefined
      }
    })
    return catching
  }

  /** Takes a look into memory, at memory's version. */
  async function readInStep<T>(
    wanted: Wanted,
    tables: readonly TableName[],
    read: (tables: Tables) => Promise<T>,
    use: (value: T, missed: readonly Change[]) => void,
  ): Promise<void> {
    await inTurn(async () => {
      const { value, versions, missed } = await look(tables, read)
      // Commands that this tab has just stored are in memory in a moment.
      if (isBehind(versions)) await Promise.allSettled(writing)
      // Another tab has moved on: memory is read again, with what this was to read.
      if (isBehind(versions)) await catchUpInTurn(versions, wanted)
      else use(value, missed())
    })
  }

  /** Whoever looks at a row again before it is here waits for the same read. */
  async function ensureRows(rows: readonly RowKey[]): Promise<void> {
    const missing = rows.filter((row) => !mirror.holds(row))
    const unread = missing.filter((row) => !reading.has(idOf(row)))
    if (unread.length > 0) {
      const read = readInStep(
        { rows: unread },
        ['rows', 'overlay'],
        (tables) => readRows(tables, unread),
        (found: readonly RowChange[], missed) => mirror.learn(found, missed),
      ).finally(() => {
        for (const row of unread) reading.delete(idOf(row))
      })
      for (const row of unread) reading.set(idOf(row), read)
    }
    await Promise.all(missing.flatMap((row) => reading.get(idOf(row)) ?? []))
  }

  async function loadWindow(window: WindowView): Promise<void> {
    do {
      await readInStep(
        { window },
        ['rows', 'overlay'],
        (tables) => scanWindow(tables, window),
        (scan, missed) => mirror.loadWindow(window, scan, missed),
      )
    } while (window.short)
    // Off the path to the first paint: what commands on the rows in sight will need.
    const warm = window.first(WARM_ROWS).flatMap((key) => rowsOfStream(domain, key))
    ensureRows(warm).catch(onTrouble)
  }

  /** The queue moves on under what is held of its head. */
  function refill(): void {
    if (isWorkLoading || !mirror.isWorkShort) return
    isWorkLoading = true
    readInStep({}, ['pending', 'attention'], readWork, (work, missed) => mirror.loadWork(work, missed))
      .finally(() => {
        isWorkLoading = false
      })
      .catch(onTrouble)
  }

  function follow(change: Change): void {
    if (!isBehind(change.versions)) return
    if (mirror.follow(change)) {
      followed?.push(change)
      for (const listener of listeners) listener(change)
      for (const window of mirror.windows()) if (window.short) loadWindow(window).catch(onTrouble)
      refill()
    } else {
      catchUp(change.versions).catch(onTrouble)
    }
  }

  return {
    database,
    mirror,
    ensureRows,
    loadWindow,
    onFollow: (listener) => {
      listeners.add(listener)
    },
    catchUp: async (atLeast) => {
      if (atLeast !== undefined) return await catchUp(atLeast)
      const { versions } = await database.read([], () => Promise.resolve())
      await catchUp(versions)
    },
    receive: async (change) => {
      await inTurn(() => Promise.resolve(follow(change)))
      // What could not be followed is read; the promise is over when memory has it.
      await catchUp(change.versions)
    },
    write: (durability, tables, change) => {
      const run = async (): Promise<Change> => {
        let folded: Pick<Change, 'put' | 'added' | 'rows'> = { put: [], added: 0, rows: [] }
        const transacted = await database.write(durability, tables, async (write) => {
          const draft = await change(write)
          folded = await refold(domain, write, draft)
          if (draft.moved.rows > 0) write.rowsChanged()
          if (draft.moved.work > 0) write.workChanged()
          return draft
        })
        const done = toChange(transacted, folded)
        follow(done)
        onChange(done)
        return done
      }
      // Only changes of rows take turns with reads; storing a command waits for nobody in this tab.
      if (durability === 'relaxed') return inTurn(run)
      const stored = run()
      writing.add(stored)
      const forget = (): void => {
        writing.delete(stored)
      }
      stored.then(forget, forget)
      return stored
    },
  }
}
