import { Dexie } from 'dexie'
import { IDBKeyRange } from 'fake-indexeddb'
import { describe, expect, test } from 'vitest'
import { COMMAND_OVERHEAD } from './pending-bytes.ts'
import type { TestBrowser } from './test-support/browser.ts'
import { goOnline, openDevice, until, untilQuiet, type Device } from './test-support/device.ts'
import { createMemorySyncServer } from './test-support/memory-sync-server.ts'
import { Order, OrderList, shop } from './test-support/shop-domain.ts'

/** Room for three commands and a little. */
const LIMIT = 3 * COMMAND_OVERHEAD + 500

function place({ client }: Device, customer = 'Eve') {
  return client.dispatch(Order.commands.place, { stream: client.newStream(Order), input: { customer } })
}

async function inMeta<T>(browser: TestBrowser, work: (meta: ReturnType<Dexie['table']>) => Promise<T>): Promise<T> {
  const db = new Dexie('shop:north:ann', { indexedDB: browser.indexedDB, IDBKeyRange })
  await db.open()
  const value = await work(db.table('meta'))
  db.close()
  return value
}

const counted = (browser: TestBrowser): Promise<unknown> =>
  inMeta(browser, async (meta) => ((await meta.get('pending-bytes')) as { value: unknown } | undefined)?.value ?? 0)

describe('unsent work that has reached its limit', () => {
  test('takes no more, says what happened and what helps, keeps what it has, and has room again when that is sent', async () => {
    const server = createMemorySyncServer(shop)
    const device = await openDevice(server, { faults: { offline: true }, maxPendingBytes: LIMIT })
    const { client } = device
    const rows = client.rows(OrderList)
    rows.subscribe(() => undefined)
    for (let n = 0; n < 3; n++) expect(await place(device)).toMatchObject({ kind: 'stored' })
    expect(client.status.get()).toMatchObject({ pending: 3, room: 'none' })
    const before = client.pending.get().map(({ id }) => id)
    const refused = await place(device)
    expect(refused).toMatchObject({ kind: 'storage', reason: 'full' })
    expect((refused as { message: string }).message).toMatch(/not kept.*Connect to the server/)
    expect(client.pending.get().map(({ id }) => id)).toEqual(before)
    await until(() => expect(rows.get().rows).toHaveLength(3))
    goOnline(device)
    await untilQuiet(device)
    await until(() => expect(client.status.get().room).toBe('enough'))
    expect(await place(device)).toMatchObject({ kind: 'stored' })
    await untilQuiet(device)
    expect(await counted(device.browser)).toBe(0)
  })

  test('is full in every tab, and after a restart', async () => {
    const server = createMemorySyncServer(shop)
    const one = await openDevice(server, { faults: { offline: true }, maxPendingBytes: LIMIT })
    const options = { browser: one.browser, faults: { offline: true }, maxPendingBytes: LIMIT }
    const two = await openDevice(server, options)
    for (let n = 0; n < 3; n++) await place(one)
    await until(() => expect(two.client.status.get().room).toBe('none'))
    expect(await place(two)).toMatchObject({ kind: 'storage', reason: 'full' })
    await one.client.close()
    await two.client.close()
    const again = await openDevice(server, options)
    expect(again.client.status.get().room).toBe('none')
    expect(await place(again)).toMatchObject({ kind: 'storage', reason: 'full' })
  })

  test('has room again as soon as a person drops some of it', async () => {
    const server = createMemorySyncServer(shop)
    const device = await openDevice(server, { maxPendingBytes: LIMIT })
    device.link.faults.answer = { kind: 'forbidden' }
    for (let n = 0; n < 3; n++) await place(device)
    await until(() => expect(device.client.attention.get()).toHaveLength(3))
    const [first] = device.client.attention.get()
    expect(await place(device)).toMatchObject({ kind: 'storage', reason: 'full' })
    await device.client.resolve(first?.id ?? '', { kind: 'discard' })
    expect(await place(device)).toMatchObject({ kind: 'stored' })
  })

  test('takes an import whole or not at all', async () => {
    const server = createMemorySyncServer(shop)
    const full = await openDevice(server, { faults: { offline: true } })
    for (let n = 0; n < 4; n++) await place(full)
    const file = await full.client.exportPending()
    const small = await openDevice(server, { faults: { offline: true }, maxPendingBytes: LIMIT })
    expect(await small.client.importPending(file)).toMatchObject({ kind: 'storage', reason: 'full' })
    expect(small.client.pending.get()).toEqual([])
    const part = { ...file, commands: file.commands.slice(0, 3) }
    expect(await small.client.importPending(part)).toMatchObject({ kind: 'imported', added: 3 })
    expect(small.client.status.get().room).toBe('none')
  })
})

test('what an earlier release left uncounted takes nothing from the count when it is sent', async () => {
  const server = createMemorySyncServer(shop)
  const device = await openDevice(server, { faults: { offline: true }, maxPendingBytes: LIMIT })
  for (let n = 0; n < 3; n++) await place(device)
  await inMeta(device.browser, (meta) => meta.delete('pending-bytes'))
  goOnline(device)
  await untilQuiet(device)
  expect(await counted(device.browser)).toBe(0)
  expect(await place(device)).toMatchObject({ kind: 'stored' })
})
