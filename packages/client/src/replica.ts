import type { AnyProjection, Domain } from '@tidemark/core'
import {
  readBases,
  readRows,
  rowsOfStream,
  toChange,
  type Change,
  type ChangeDraft,
  type ConfirmedRow,
  type RowChange,
} from './change.ts'
import type { Database, TableName, Tables, Versions, Write } from './database.ts'
import { sortKeyOf } from './index-keys.ts'
import type { Mirror } from './mirror.ts'
import { rowId, type RowKey } from './overlay.ts'
import type { Scan, WindowView } from './window-view.ts'

/** Rows asked of storage at a time while a window looks for those that match. */
const SCAN_CHUNK = 500
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
}

export interface ReplicaOptions {
  readonly domain: Domain
  readonly database: Database
  readonly mirror: Mirror
  readonly onChange: (change: Change) => void
  readonly onTrouble: (error: unknown) => void
}

export function createReplica({ domain, database, mirror, onChange, onTrouble }: ReplicaOptions): Replica {
  // Reads that must match memory's version, and changes of rows, take turns: no read is ever overtaken in this tab.
  let turn: Promise<unknown> = Promise.resolve()
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = turn.then(work)
    turn = result.catch(() => undefined)
    return result
  }

  let target: Versions = { rows: 0, work: 0 }
  let catching: Promise<void> | undefined
  const isBehind = (than: Versions): boolean => mirror.versions.rows < than.rows || mirror.versions.work < than.work

  async function readEverything(): Promise<void> {
    for (;;) {
      const wanted = mirror.neededRows()
      const windows = [...mirror.windows()].filter((window) => window.loaded)
      const { value, versions } = await database.read(['rows', 'pending', 'attention'], async (tables) => {
        const commands = await tables.pending.orderBy('seq').toArray()
        const attention = await tables.attention.toArray()
        const bases = await readBases(tables, domain, commands)
        const rows = await readRows(tables, wanted)
        const scans = new Map<WindowView, Scan>()
        for (const window of windows) scans.set(window, await scanWindow(tables, window))
        return { commands, attention, rows: [...bases, ...rows], scans }
      })
      const read = new Set(value.rows.map((row) => rowId(row.projection, row.key)))
      const isComplete = mirror.neededRows().every((row) => read.has(rowId(row.projection.name, row.key)))
      // Commands are stored while this reads: an older look, or one without their rows, must not replace memory.
      if (!isComplete || versions.rows < mirror.versions.rows || versions.work < mirror.versions.work) continue
      mirror.replace({ ...value, versions })
      return
    }
  }

  async function catchUpInTurn(atLeast: Versions): Promise<void> {
    while (isBehind(atLeast)) await readEverything()
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

  /** A look whose result still belongs to memory's version of the rows when it is used. */
  async function readInStep<T>(
    tables: readonly TableName[],
    look: (tables: Tables) => Promise<T>,
    use: (value: T) => void,
  ): Promise<void> {
    await inTurn(async () => {
      for (;;) {
        const { value, versions } = await database.read(tables, look)
        if (versions.rows === mirror.versions.rows) {
          use(value)
          return
        }
        // Another tab has moved the rows: first follow it.
        await catchUpInTurn({ rows: versions.rows, work: 0 })
      }
    })
  }

  async function ensureRows(rows: readonly RowKey[]): Promise<void> {
    const missing = rows.filter((row) => mirror.confirmed(row) === undefined)
    if (missing.length === 0) return
    await readInStep(
      ['rows'],
      (tables) => readRows(tables, missing),
      (found: readonly RowChange[]) => mirror.learn(found),
    )
  }

  async function loadWindow(window: WindowView): Promise<void> {
    const found: ConfirmedRow[] = []
    do {
      await readInStep(
        ['rows'],
        (tables) => scanWindow(tables, window),
        (scan) => {
          found.splice(0, found.length, ...scan.records.slice(0, WARM_ROWS))
          mirror.loadWindow(window, scan)
        },
      )
    } while (window.short)
    // Off the path to the first paint: what commands on the rows in sight will need.
    const warm = found.flatMap((record) => rowsOfStream(domain, record.key))
    ensureRows(warm).catch(onTrouble)
  }

  function follow(change: Change): void {
    const { versions } = mirror
    if (change.versions.rows <= versions.rows && change.versions.work <= versions.work) return
    if (mirror.follow(change)) {
      for (const window of mirror.windows()) if (window.short) loadWindow(window).catch(onTrouble)
    } else {
      catchUp(change.versions).catch(onTrouble)
    }
  }

  return {
    database,
    mirror,
    ensureRows,
    loadWindow,
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
        const done = toChange(
          await database.write(durability, tables, async (write) => {
            const draft = await change(write)
            if (draft.moved.rows > 0) write.rowsChanged()
            if (draft.moved.work > 0) write.workChanged()
            return draft
          }),
        )
        follow(done)
        onChange(done)
        return done
      }
      // Only changes of rows take turns with reads; storing a command waits for nobody in this tab.
      return durability === 'relaxed' ? inTurn(run) : run()
    },
  }
}

/** Reads a window's stretch of its index: as many matching rows as it wants, and how far that was. */
async function scanWindow(tables: Pick<Tables, 'rows'>, window: WindowView): Promise<Scan> {
  const { projection, index } = window
  const records: ConfirmedRow[] = []
  let { lower } = window.range
  let isFirst = true
  for (;;) {
    const chunk = await tables.rows
      .where(index === undefined ? '[projection+key]' : 'ix')
      .between(lower, window.range.upper, isFirst, false)
      .limit(Math.min(window.wanted, SCAN_CHUNK))
      .toArray()
    for (const [at, record] of chunk.entries()) {
      if (!window.matches(record.row)) continue
      records.push(record)
      if (records.length >= window.wanted) {
        const isLast = at === chunk.length - 1 && chunk.length < Math.min(window.wanted, SCAN_CHUNK)
        return { records, boundary: isLast ? null : positionOf(projection, index, record) }
      }
    }
    const last = chunk.at(-1)
    if (last === undefined || chunk.length < Math.min(window.wanted, SCAN_CHUNK)) return { records, boundary: null }
    lower = positionOf(projection, index, last)
    isFirst = false
  }
}

function positionOf(
  projection: AnyProjection,
  index: string | undefined,
  record: ConfirmedRow,
): ReturnType<typeof sortKeyOf> {
  return sortKeyOf(projection, index, record.key, record.row)
}
