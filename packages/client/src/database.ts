import { Dexie, type Table } from 'dexie'
import type { Domain, Principal, Uuid } from '@tidemark/core'
import type { Platform } from './platform.ts'
import type {
  AcknowledgedRecord,
  AttentionRecord,
  FeedRecord,
  MetaRecord,
  OverlayRecord,
  PendingRecord,
  RowRecord,
  StagedRecord,
} from './records.ts'

/**
 * Raised when older code must not write what newer code has stored. Checked inside every write transaction. 2: whoever
 * writes pending commands or rows keeps the overlay up.
 */
export const SCHEMA_EPOCH = 2

export interface Tables {
  readonly rows: Table<RowRecord, [string, string]>
  readonly staged: Table<StagedRecord, [string, string]>
  readonly pending: Table<PendingRecord, string>
  readonly overlay: Table<OverlayRecord, [string, string]>
  readonly attention: Table<AttentionRecord, string>
  readonly acknowledged: Table<AcknowledgedRecord, string>
  readonly cursors: Table<FeedRecord, string>
  readonly meta: Table<MetaRecord, string>
}
export type TableName = keyof Tables

/** Counters of the two kinds of change, as stored when the transaction ran. */
export interface Versions {
  /** Changes of rows. */
  readonly rows: number
  /** Changes of pending work. */
  readonly work: number
  /** What pending work takes, in bytes (`pending-bytes.ts`). Not a counter of changes: it goes down, too. */
  readonly bytes?: number
}

export interface Transacted<T> {
  readonly value: T
  readonly versions: Versions
}

export interface Write extends Tables {
  /** The code that the overlay was folded by (`refold.ts`), `null` where there is none yet. */
  readonly foldedBy: string | null
  /** Notes that pending work takes so many bytes more, or less. Returns what it takes with that. */
  bytesMoved(by: number): number
  /** Notes that rows changed, so that every other tab reads them again. */
  rowsChanged(): void
  /** Notes that pending work changed. `atLeast`: the count goes on from there. */
  workChanged(atLeast?: number): void
}

export interface Database {
  readonly name: string
  /** Id of this installation. */
  readonly device: Uuid
  /** It was not there before. */
  readonly isNew: boolean
  /** Count of changes of pending work as it was opened. */
  readonly openedAt: number
  /** One consistent look at the named tables, with the versions it shows. */
  read<T>(tables: readonly TableName[], look: (tables: Tables) => Promise<T>): Promise<Transacted<T>>
  /**
   * One transaction: all of it or nothing. `strict` resolves when the disk has it, `relaxed` when the browser has it: a
   * power cut may then take back the whole transaction, so it is for what the server would send again.
   */
  write<T>(
    durability: 'strict' | 'relaxed',
    tables: readonly TableName[],
    change: (write: Write) => Promise<T>,
  ): Promise<Transacted<T>>
  close(): void
  /** Deletes everything. */
  destroy(): Promise<void>
}

/** Newer code has taken over this database; this code must be reloaded before it can write again. */
export class NewerSchemaError extends Error {
  constructor(stored: number) {
    super(
      `This device's data was written by a newer version of the app (epoch ${stored}, this one knows ${SCHEMA_EPOCH}). ` +
        'Nothing is lost; reload the app to go on.',
    )
    this.name = 'NewerSchemaError'
  }
}

/** The browser, or a person in its settings, has removed the database under a running app. */
export class DatabaseReplacedError extends Error {
  constructor() {
    super(
      "This device's data was removed while the app was running (site data cleared, or evicted by the browser). " +
        'Reload the app; it fetches again what the server has.',
    )
    this.name = 'DatabaseReplacedError'
  }
}

/** The browser cannot open the database at all: its files are damaged, or there is no room to open them. */
export class DatabaseUnavailableError extends Error {
  constructor(cause: unknown) {
    const detail = cause instanceof Error ? cause.message : String(cause)
    super(
      `The browser could not open this device's data (${detail}). Most often its files are damaged or the disk is full. ` +
        'Nothing has been deleted: make room and try again, or rebuild it from the second copy with `rescueDevice`.',
      { cause },
    )
    this.name = 'DatabaseUnavailableError'
  }
}

/** Static, whatever the domain declares: rows carry their index entries with them (`index-keys.ts`). */
const STORES = {
  rows: '[projection+key], *ix',
  staged: '[projection+key]',
  pending: 'id, seq, [stream+seq], *touches, doubt, waits',
  overlay: '[projection+key], *ix',
  attention: 'id, commandId',
  acknowledged: 'id, at',
  cursors: 'name',
  meta: 'name',
} satisfies Record<TableName, string>

/** Errors of a connection that died under us (WebKit ends it in the background); opening it again mends them. */
const LOST_CONNECTION = new Set(['DatabaseClosedError', 'InvalidStateError', 'InvalidState'])

/** One database per app, tenant and person: two accounts on one device never share anything. */
export function databaseNameOf(domain: Pick<Domain, 'name'>, principal: Principal): string {
  return `${domain.name}:${principal.tenant}:${principal.id}`
}

export interface DatabaseOptions {
  readonly name: string
  readonly platform: Pick<Platform, 'indexedDB' | 'keyRange' | 'setTimer'>
  readonly newId: () => Uuid
  /** Where the database is not there: the installation that it was of, as far as something tells. */
  readonly formerDevice: () => Promise<Uuid | null>
  /** Another tab deletes the database: the person signed out there. */
  readonly onDeleted: () => void
  /** Another tab holds an older version of the database open and does not let go: opening waits for it. */
  readonly onBlocked?: (() => void) | undefined
}

export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { name, platform, newId, onDeleted } = options
  // Two connections to one database: IndexedDB orders their transactions, and each has its own durability.
  const strict = connect('strict')
  const relaxed = connect('relaxed')
  let closed = false
  strict.on('blocked', () => options.onBlocked?.())
  await opened(strict, platform)
  await relaxed.open()
  const former = (await strict.meta.get('device')) === undefined ? await options.formerDevice() : null
  const { device, generation, isNew, openedAt } = await strict.transaction('rw', 'meta', async () => {
    const [known, made, work] = await strict.meta.bulkGet(['device', 'generation', 'work'])
    const facts = {
      device: known === undefined ? (former ?? newId()) : String(known.value),
      generation: made === undefined ? newId() : String(made.value),
    }
    if (known === undefined) await strict.meta.put({ name: 'device', value: facts.device })
    if (made === undefined) await strict.meta.put({ name: 'generation', value: facts.generation })
    return { ...facts, isNew: known === undefined, openedAt: Number(work?.value ?? 0) }
  })

  function connect(durability: 'strict' | 'relaxed'): Dexie & Tables {
    const connection = new Dexie(name, {
      indexedDB: platform.indexedDB,
      IDBKeyRange: platform.keyRange,
      chromeTransactionDurability: durability,
      // Its cache may show what has not been committed (research: Dexie #1813).
      cache: 'disabled',
    })
    // Live queries, hooks and the cache that serves them note every key that is written, and tell all tabs of it.
    for (const layer of ['Observability', 'Cache', 'HooksMiddleware'])
      connection.unuse({ stack: 'dbcore', name: layer })
    // Version 1 had no overlay. It needs no upgrade code: the overlay is made where it is not that of today's code.
    connection.version(2).stores(STORES)
    connection.on('versionchange', (event) => {
      // Stand aside at once: a tab that holds on would block the other one.
      connection.close()
      if (event.newVersion === null && !closed) {
        closed = true
        onDeleted()
      }
      return false
    })
    return connection as Dexie & Tables
  }

  async function mended<T>(connection: Dexie, attempt: () => Promise<T>): Promise<T> {
    try {
      return await attempt()
    } catch (error) {
      if (closed || !(error instanceof Error) || !LOST_CONNECTION.has(error.name)) throw error
      if (!connection.isOpen()) await connection.open()
      return await attempt()
    }
  }

  async function readFacts(tables: Tables): Promise<{
    readonly versions: Required<Versions>
    readonly epoch: number | null
    readonly foldedBy: string | null
  }> {
    const names = ['generation', 'schema-epoch', 'rows', 'work', 'overlay', 'pending-bytes']
    const [stored, epoch, rows, work, overlay, bytes] = await tables.meta.bulkGet(names)
    if (stored?.value !== generation) throw new DatabaseReplacedError()
    if (epoch !== undefined && Number(epoch.value) > SCHEMA_EPOCH) throw new NewerSchemaError(Number(epoch.value))
    return {
      versions: { rows: Number(rows?.value ?? 0), work: Number(work?.value ?? 0), bytes: Number(bytes?.value ?? 0) },
      epoch: epoch === undefined ? null : Number(epoch.value),
      foldedBy: overlay === undefined ? null : String(overlay.value),
    }
  }

  return {
    name,
    device,
    isNew,
    openedAt,
    read: (tables, look) =>
      mended(relaxed, () =>
        relaxed.transaction('r', withMeta(tables), async () => {
          const { versions } = await readFacts(relaxed)
          return { value: await look(relaxed), versions }
        }),
      ),
    write: (durability, tables, change) => {
      const connection = durability === 'strict' ? strict : relaxed
      return mended(connection, () =>
        connection.transaction('rw', withMeta(tables), async () => {
          const { versions: before, epoch, foldedBy } = await readFacts(connection)
          const versions = { ...before }
          const value = await change({
            ...tablesOf(connection),
            foldedBy,
            bytesMoved: (by) => (versions.bytes = Math.max(0, versions.bytes + by)),
            rowsChanged: () => {
              versions.rows = before.rows + 1
            },
            workChanged: (atLeast = 0) => {
              versions.work = Math.max(versions.work, before.work + 1, atLeast)
            },
          })
          const changed: MetaRecord[] = []
          if (epoch !== SCHEMA_EPOCH) changed.push({ name: 'schema-epoch', value: SCHEMA_EPOCH })
          if (versions.rows !== before.rows) changed.push({ name: 'rows', value: versions.rows })
          if (versions.work !== before.work) {
            changed.push({ name: 'work', value: versions.work }, { name: 'pending-bytes', value: versions.bytes })
          }
          if (changed.length > 0) await connection.meta.bulkPut(changed)
          return { value, versions }
        }),
      )
    },
    close: () => {
      closed = true
      strict.close()
      relaxed.close()
    },
    destroy: async () => {
      closed = true
      strict.close()
      await relaxed.delete()
    },
  }
}

/** Pauses between tries to open, milliseconds: a backing store that is busy or just being repaired comes up. */
const OPEN_PAUSES = [100, 400, 1_500]

async function opened(connection: Dexie, platform: Pick<Platform, 'setTimer'>): Promise<void> {
  for (const pause of OPEN_PAUSES) {
    try {
      await connection.open()
      return
    } catch {
      // Dexie keeps the first failure; closing makes the next try a real one.
      connection.close({ disableAutoOpen: false })
      await new Promise<void>((resolve) => platform.setTimer(resolve, pause))
    }
  }
  try {
    await connection.open()
  } catch (error) {
    throw new DatabaseUnavailableError(error)
  }
}

function withMeta(tables: readonly TableName[]): TableName[] {
  return [...new Set<TableName>([...tables, 'meta'])]
}

function tablesOf(connection: Tables): Tables {
  const { rows, staged, pending, overlay, attention, acknowledged, cursors, meta } = connection
  return { rows, staged, pending, overlay, attention, acknowledged, cursors, meta }
}
