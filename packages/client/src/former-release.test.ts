import { Dexie } from 'dexie'
import { IDBKeyRange } from 'fake-indexeddb'
import { describe, expect, test, vi } from 'vitest'
import * as z from 'zod'
import { defineDomain, projection } from '@tidemark/core'
import { createTestBrowser, type TestBrowser } from './test-support/browser.ts'
import { openDevice, until, untilQuiet } from './test-support/device.ts'
import { createMemorySyncServer } from './test-support/memory-sync-server.ts'
import { bob, Order, OrderList, shop } from './test-support/shop-domain.ts'

const NAME = 'shop:north:ann'

/** The database as the release before the overlay had it, open in a tab of that release. */
async function openFormer(browser: TestBrowser): Promise<Dexie> {
  const former = new Dexie(NAME, { indexedDB: browser.indexedDB, IDBKeyRange })
  former.version(1).stores({
    rows: '[projection+key], *ix',
    staged: '[projection+key]',
    pending: 'id, seq, [stream+seq]',
    attention: 'id, commandId',
    acknowledged: 'id, at',
    cursors: 'name',
    meta: 'name',
  })
  former.on('versionchange', () => {
    former.close()
    return false
  })
  await former.open()
  return former
}

/** Copies what today's release has stored into a database of the former one. */
async function toFormer(browser: TestBrowser, from: TestBrowser): Promise<Dexie> {
  const today = new Dexie(NAME, { indexedDB: from.indexedDB, IDBKeyRange })
  await today.open()
  const former = await openFormer(browser)
  for (const table of former.tables) {
    const records = (await today.table(table.name).toArray()) as Record<string, unknown>[]
    await table.bulkPut(
      records
        .filter((record) => record['name'] !== 'overlay')
        .map(({ touches: _touches, doubt: _doubt, waits: _waits, ...record }) =>
          record['name'] === 'schema-epoch' ? { ...record, value: 1 } : record,
        ),
    )
  }
  today.close()
  return former
}

describe('a database of the release before the overlay was stored', () => {
  test('opens beside a tab of that release with its pending work shown, and that tab stores nothing more', async () => {
    const server = createMemorySyncServer(shop)
    const made = await openDevice(server, { faults: { offline: true } })
    const stream = made.client.newStream(Order)
    await made.client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
    await made.client.dispatch(Order.commands.addLine, { stream, input: { sku: 'cup', quantity: 3 } })
    const browser = createTestBrowser()
    const former = await toFormer(browser, made.browser)

    const device = await openDevice(server, { browser, faults: { offline: true } })
    const rows = device.client.rows(OrderList)
    rows.subscribe(() => undefined)
    await until(() => expect(rows.get().rows).toMatchObject([{ key: stream, pending: 2, row: { quantity: 3 } }]))
    expect(device.client.pending.get()).toHaveLength(2)
    expect(former.isOpen()).toBe(false)
    // Its code reads the epoch in every transaction, and goes no further.
    const epoch = new Dexie(NAME, { indexedDB: browser.indexedDB, IDBKeyRange })
    await epoch.open()
    expect(await epoch.table('meta').get('schema-epoch')).toMatchObject({ value: 2 })
    epoch.close()

    device.link.faults.offline = false
    device.tab.wake()
    await untilQuiet(device)
    expect(rows.get().rows).toMatchObject([{ key: stream, pending: 0, row: { quantity: 3 } }])
  })
})

describe('a release that folds otherwise', () => {
  const LoudList = projection('order-list', {
    on: Order,
    row: z.object({ customer: z.string() }),
    fold: { placed: (_, e) => ({ customer: e.data.customer.toUpperCase() }) },
  })
  const loud = defineDomain({ name: 'shop', aggregates: [Order], projections: [LoudList] })

  test('shows pending work folded by its own code, and so does the former one when it is opened again', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const server = createMemorySyncServer(shop)
    server.act(bob, { type: 'order.place', stream: 'order/1', input: { customer: 'Joe' } })
    const browser = createTestBrowser()
    const first = await openDevice(server, { browser, faults: { offline: true } })
    const stream = first.client.newStream(Order)
    await first.client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
    const next = await openDevice(server, { browser, domain: loud, faults: { offline: true } })
    const row = next.client.row(LoudList, stream)
    row.subscribe(() => undefined)
    await until(() => expect(row.get()).toMatchObject({ row: { customer: 'EVE' } }))
    // The former tab goes on, with its own code; what it folds is not what this one would.
    const other = first.client.newStream(Order)
    await first.client.dispatch(Order.commands.place, { stream: other, input: { customer: 'Ann' } })
    await next.client.close()
    const again = await openDevice(server, { browser, domain: loud, faults: { offline: true } })
    const rows = again.client.rows(LoudList)
    rows.subscribe(() => undefined)
    await until(() =>
      expect(
        rows
          .get()
          .rows.map((each) => each.row.customer)
          .sort(),
      ).toEqual(['ANN', 'EVE']),
    )
  })
})
