import { describe, expect, test, vi } from 'vitest'
import { Dexie } from 'dexie'
import { IDBDatabase, IDBKeyRange, IDBObjectStore } from 'fake-indexeddb'
import { defineDomain } from '@tidemark/core'
import { createClient } from './create-client.ts'
import { createTestBrowser, type TestBrowser } from './test-support/browser.ts'
import { openDevice, until, untilLive, untilQuiet } from './test-support/device.ts'
import { createMemorySyncServer } from './test-support/memory-sync-server.ts'
import { ann, Order, OrderList, shop } from './test-support/shop-domain.ts'

const NAME = 'shop:north:ann'

/** The database as another program sees it. */
async function inDatabase(browser: TestBrowser, work: (db: Dexie) => Promise<unknown>): Promise<void> {
  const db = new Dexie(NAME, { indexedDB: browser.indexedDB, IDBKeyRange })
  await db.open()
  await work(db)
  db.close()
}

describe('storage', () => {
  test('a tab of older code stops writing where newer code has been, keeps everything, and says so', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const browser = createTestBrowser()
    const device = await openDevice(createMemorySyncServer(shop), { browser, faults: { offline: true } })
    const stream = device.client.newStream(Order)
    await device.client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
    await inDatabase(browser, (db) => db.table('meta').put({ name: 'schema-epoch', value: 99 }))
    expect(await device.client.dispatch(Order.commands.ship, { stream, input: {} })).toMatchObject({ kind: 'storage' })
    browser.advance(5_000)
    await until(() => expect(device.client.status.get().connection).toBe('upgrade-required'))
    expect(device.client.status.get()).toMatchObject({ tooOldFor: 'device', pending: 1 })
    await inDatabase(browser, async (db) => expect(await db.table('pending').count()).toBe(1))
  })

  test('a tab of an older version that does not let go is told about, and opening goes on when it does', async () => {
    const browser = createTestBrowser()
    const { platform } = browser.tab()
    // As a tab that the browser has frozen: it does not hear that another one wants a newer version.
    const frozen = await new Promise<IDBDatabase>((resolve, reject) => {
      const open = platform.indexedDB.open('shared', 1)
      open.addEventListener('success', () => resolve(open.result))
      open.addEventListener('error', () => reject(open.error as DOMException))
    })
    const away = (): Promise<{ kind: 'unreachable'; message: string }> =>
      Promise.resolve({ kind: 'unreachable', message: '' })
    const heard: string[] = []
    const opening = createClient({
      domain: shop,
      principal: ann,
      databaseName: 'shared',
      transport: { push: away, pull: away, history: away, live: away },
      platform,
      onBlocked: () => heard.push('blocked'),
    }).finally(() => heard.push('open'))
    await until(() => expect(heard).toEqual(['blocked']))
    frozen.close()
    const client = await opening
    expect(heard).toEqual(['blocked', 'open'])
    await client.close()
  })

  test('what is written is not noted key by key for live queries that nobody has', async () => {
    const device = await openDevice(createMemorySyncServer(shop))
    const told = vi.fn()
    Dexie.on('storagemutated', told)
    try {
      const stream = device.client.newStream(Order)
      await device.client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
      await untilQuiet(device)
      expect(told).not.toHaveBeenCalled()
    } finally {
      Dexie.on.storagemutated.unsubscribe(told)
    }
  })

  test('site data cleared under a running app is noticed, never mistaken for an empty device', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const browser = createTestBrowser()
    const device = await openDevice(createMemorySyncServer(shop), { browser, faults: { offline: true } })
    const stream = device.client.newStream(Order)
    await device.client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
    await inDatabase(browser, async (db) => Promise.all(db.tables.map((table) => table.clear())))
    expect(await device.client.dispatch(Order.commands.ship, { stream, input: {} })).toMatchObject({ kind: 'storage' })
    browser.advance(5_000)
    await until(() => expect(device.client.status.get().connection).toBe('storage-trouble'))
  })

  test('a page that cannot be stored leaves the old state, is shown as storage trouble, and is fetched again', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const server = createMemorySyncServer(shop)
    const device = await openDevice(server)
    await untilLive(device)
    const stream = device.client.newStream(Order)
    server.hold()
    await device.client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
    await until(() => expect(device.client.pending.get()).toMatchObject([{ state: 'answered' }]))
    const row = device.client.row(OrderList, stream)
    row.subscribe(() => undefined)
    const full = vi.spyOn(IDBObjectStore.prototype, 'delete').mockImplementation(() => {
      throw new DOMException('The quota has been exceeded.', 'QuotaExceededError')
    })
    server.release()
    await until(() => expect(device.client.status.get().connection).toBe('storage-trouble'))
    expect(row.get()).toMatchObject({ pending: 1 })
    expect(device.client.pending.get()).toHaveLength(1)
    full.mockRestore()
    device.browser.advance(30_000)
    await untilQuiet(device)
    expect(row.get()).toMatchObject({ pending: 0, row: { customer: 'Eve' } })
  })

  test('a connection that the browser ended is opened again, and the command is stored once', async () => {
    const browser = createTestBrowser()
    const device = await openDevice(createMemorySyncServer(shop), { browser, faults: { offline: true } })
    const stream = device.client.newStream(Order)
    await device.client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
    let failures = 1
    const { transaction } = IDBDatabase.prototype
    vi.spyOn(IDBDatabase.prototype, 'transaction').mockImplementation(function (this: IDBDatabase, ...args) {
      if (failures-- > 0) throw new DOMException('The database connection is closing.', 'InvalidStateError')
      return transaction.apply(this, args)
    })
    expect(await device.client.dispatch(Order.commands.ship, { stream, input: {} })).toMatchObject({ kind: 'stored' })
    expect(device.client.pending.get()).toHaveLength(2)
  })

  test('an index that a new release declares works offline, on the rows that are here', async () => {
    const server = createMemorySyncServer(shop)
    const browser = createTestBrowser()
    const old = await openDevice(server, { browser })
    for (const customer of ['Eve', 'Ann', 'Joe']) {
      await old.client.dispatch(Order.commands.place, { stream: old.client.newStream(Order), input: { customer } })
    }
    await untilQuiet(old)
    await old.client.close()
    const NewList = { ...OrderList, indexes: { backwards: ['-customer'] } }
    const next = defineDomain({ name: 'shop', aggregates: [Order], projections: [NewList] })
    const device = await openDevice(server, { browser, domain: next, faults: { offline: true } })
    const rows = device.client.rows(NewList, { index: 'backwards' })
    await until(() => expect(rows.get().rows.map((row) => row.row.customer)).toEqual(['Joe', 'Eve', 'Ann']))
  })

  test('keeps acknowledged commands for a server that may lose them', async () => {
    const browser = createTestBrowser()
    const device = await openDevice(createMemorySyncServer(shop), { browser })
    const stream = device.client.newStream(Order)
    await device.client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
    await untilQuiet(device)
    await inDatabase(browser, async (db) => {
      expect(await db.table('acknowledged').toArray()).toMatchObject([
        { version: 1, command: { type: 'order.place', stream } },
      ])
    })
  })
})
