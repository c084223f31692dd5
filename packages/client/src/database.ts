import { Dexie, type Table } from 'dexie'
import type { Uuid } from '@tidemark/core'
import type { Platform } from './platform.ts'
import type {
  AcknowledgedRecord,
  AttentionRecord,
  FeedRecord,
  MetaRecord,
  PendingRecord,
  RowRecord,
  StagedRecord,
} from './records.ts'

/** Raised when older code must not write what newer code has stored. Checked inside every write transaction. */
export const SCHEMA_EPOCH = 1

export interface Tables {
  readonly rows: Table<RowRecord, [string, string]>
  readonly staged: Table<StagedRecord, [string, string]>
  readonly pending: Table<PendingRecord, string>
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
}

export interface Transacted<T> {
  readonly value: T
  readonly versions: Versions
}

export interface Write extends Tables {
  /** Notes that rows changed, so that every other tab reads them again. */
  rowsChanged(): void
  /** Notes that pending work changed. */
  workChanged(): void
}

export interface Database {
  readonly name: string
  /** Id of this installation; a database without it is another one. */
  readonly device: Uuid
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

/** Static, whatever the domain declares: rows carry their index entries with them (`index-keys.ts`). */
const STORES = {
  rows: '[projection+key], *ix',
  staged: '[projection+key]',
  pending: 'id, seq, [stream+seq]',
  attention: 'id, commandId',
  acknowledged: 'id, at',
  cursors: 'name',
  meta: 'name',
} satisfies Record<TableName, string>

/** Errors of a connection that died under us (WebKit ends it in the background); opening it again mends them. */
const LOST_CONNECTION = new Set(['DatabaseClosedError', 'InvalidStateError', 'InvalidState'])

export interface DatabaseOptions {
  readonly name: string
  readonly platform: Pick<Platform, 'indexedDB' | 'keyRange'>
  /** Names this installation the first time. */
  readonly newId: () => Uuid
  /** Another tab deletes the database: the person signed out there. */
  readonly onDeleted: () => void
}

export async function openDatabase({ name, platform, newId, onDeleted }: DatabaseOptions): Promise<Database> {
  // Two connections to one database: IndexedDB orders their transactions, and each has its own durability.
  const strict = connect('strict')
  const relaxed = connect('relaxed')
  let closed = false
  await strict.open()
  await relaxed.open()
  const device = await strict.transaction('rw', 'meta', async () => {
    const known = await strict.meta.get('device')
    if (known !== undefined) return String(known.value)
    const named = newId()
    await strict.meta.put({ name: 'device', value: named })
    return named
  })

  function connect(durability: 'strict' | 'relaxed'): Dexie & Tables {
    const connection = new Dexie(name, {
      indexedDB: platform.indexedDB,
      IDBKeyRange: platform.keyRange,
      chromeTransactionDurability: durability,
      // Its cache may show what has not been committed (research: Dexie #1813).
      cache: 'disabled',
    })
    connection.version(1).stores(STORES)
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

  async function readFacts(tables: Tables): Promise<{ readonly versions: Versions; readonly epoch: number | null }> {
    const [stored, epoch, rows, work] = await tables.meta.bulkGet(['device', 'schema-epoch', 'rows', 'work'])
    if (stored?.value !== device) throw new DatabaseReplacedError()
    if (epoch !== undefined && Number(epoch.value) > SCHEMA_EPOCH) throw new NewerSchemaError(Number(epoch.value))
    return {
      versions: { rows: Number(rows?.value ?? 0), work: Number(work?.value ?? 0) },
      epoch: epoch === undefined ? null : Number(epoch.value),
    }
  }

  return {
    name,
    device,
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
          const { versions: before, epoch } = await readFacts(connection)
          const versions = { ...before }
          const value = await change({
            ...tablesOf(connection),
            rowsChanged: () => {
              versions.rows = before.rows + 1
            },
            workChanged: () => {
              versions.work = before.work + 1
            },
          })
          const changed: MetaRecord[] = []
          if (epoch === null) changed.push({ name: 'schema-epoch', value: SCHEMA_EPOCH })
          if (versions.rows !== before.rows) changed.push({ name: 'rows', value: versions.rows })
          if (versions.work !== before.work) changed.push({ name: 'work', value: versions.work })
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

function withMeta(tables: readonly TableName[]): TableName[] {
  return [...new Set<TableName>([...tables, 'meta'])]
}

function tablesOf(connection: Tables): Tables {
  const { rows, staged, pending, attention, acknowledged, cursors, meta } = connection
  return { rows, staged, pending, attention, acknowledged, cursors, meta }
}
