import { Dexie } from 'dexie'
import { IDBFactory, IDBKeyRange } from 'fake-indexeddb'
import { createTestBrowser, type TestBrowser } from '../browser.ts'

/** All that one database of a device keeps, as JSON. */
export interface DeviceImage {
  readonly database: {
    readonly name: string
    readonly version: number
    readonly stores: Readonly<Record<string, { readonly schema: string; readonly records: readonly unknown[] }>>
  }
  /** Files of the journal, in base64. */
  readonly journal: Readonly<Record<string, string>>
  readonly notes: Readonly<Record<string, string>>
}

/** What is stored at rest: no tab may be open. */
export async function readImage(browser: TestBrowser, name: string): Promise<DeviceImage> {
  const db = new Dexie(name, { indexedDB: browser.indexedDB, IDBKeyRange })
  await db.open()
  const stores: Record<string, { schema: string; records: unknown[] }> = {}
  for (const table of db.tables) {
    const { primKey, indexes } = table.schema
    const schema = [primKey, ...indexes].map((each) => each.src).join(', ')
    stores[table.name] = { schema, records: await table.toArray() }
  }
  const { verno } = db
  db.close()
  const files = browser.journals.files.get(name) ?? new Map<string, Uint8Array>()
  return {
    database: { name, version: verno, stores },
    journal: Object.fromEntries([...files].map(([file, bytes]) => [file, Buffer.from(bytes).toString('base64')])),
    notes: Object.fromEntries(browser.notes),
  }
}

/** A browser that has found all of it on its disk, or only what stands beside the database. */
export async function browserWith(image: DeviceImage, what: 'everything' | 'no database'): Promise<TestBrowser> {
  const browser = createTestBrowser()
  const { name, version, stores } = image.database
  if (what === 'everything') {
    browser.indexedDB = new IDBFactory()
    const db = new Dexie(name, { indexedDB: browser.indexedDB, IDBKeyRange })
    db.version(version).stores(Object.fromEntries(Object.entries(stores).map(([table, { schema }]) => [table, schema])))
    await db.open()
    for (const [table, { records }] of Object.entries(stores)) await db.table(table).bulkPut([...records])
    db.close()
  }
  const files = Object.entries(image.journal).map(([file, text]): [string, Uint8Array] => [
    file,
    new Uint8Array(Buffer.from(text, 'base64')),
  ])
  browser.journals.files.set(name, new Map(files))
  for (const [key, text] of Object.entries(image.notes)) browser.notes.set(key, text)
  return browser
}
