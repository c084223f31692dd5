import { IDBIndex, IDBObjectStore } from 'fake-indexeddb'
import { describe, expect, test, vi } from 'vitest'
import { createTestBrowser, type TestBrowser } from './test-support/browser.ts'
import { goOffline, goOnline, openDevice, until, untilLive, untilQuiet, type Device } from './test-support/device.ts'
import { createMemorySyncServer, type MemorySyncServer } from './test-support/memory-sync-server.ts'
import { bob, Order, OrderList, shop, SkuTotals } from './test-support/shop-domain.ts'

/** Counts the records that are read by ranges of the named tables. */
function countRead(tables: readonly string[]): () => number {
  let count = 0
  for (const prototype of [IDBIndex.prototype, IDBObjectStore.prototype]) {
    const original = prototype.getAll
    vi.spyOn(prototype, 'getAll').mockImplementation(function (this: IDBIndex & IDBObjectStore, ...args) {
      const request = original.apply(this, args)
      const { name } = 'objectStore' in this ? this.objectStore : (this as IDBObjectStore)
      if (tables.includes(name)) {
        request.addEventListener('success', () => {
          count += (request.result as unknown[]).length
        })
      }
      return request
    })
  }
  return () => count
}

async function place(device: Device, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    const stream = device.client.newStream(Order)
    await device.client.dispatch(Order.commands.place, { stream, input: { customer: `c${n}` } })
  }
}

async function openWith(pending: number): Promise<{ server: MemorySyncServer; browser: TestBrowser }> {
  const server = createMemorySyncServer(shop)
  const browser = createTestBrowser()
  const made = await openDevice(server, { browser, faults: { offline: true } })
  await place(made, pending)
  await made.client.close()
  return { server, browser }
}

describe('with many commands pending', () => {
  test('a start reads one window of them and the first of the queue, and shows and counts all the same', async () => {
    const { server, browser } = await openWith(130)
    const read = countRead(['pending', 'overlay'])
    const device = await openDevice(server, { browser, faults: { offline: true } })
    const rows = device.client.rows(OrderList, { index: 'byCustomer', limit: 5 })
    rows.subscribe(() => undefined)
    await until(() => expect(rows.get().rows.map((each) => [each.row.customer, each.pending])[4]).toEqual(['c101', 1]))
    // A hundred commands, and of the rows under them the window's 55 and no more.
    expect(read()).toBe(155)
    vi.restoreAllMocks()
    const { client } = device
    expect(client.status.get()).toMatchObject({ pending: 130, oldestPendingAt: expect.any(String) as string })
    expect(client.pending.get().map((each) => (each.input as { customer: string }).customer)).toEqual(
      Array.from({ length: 100 }, (_, n) => `c${n}`),
    )
    goOnline(device)
    await untilQuiet(device)
    expect(client.status.get().pending).toBe(0)
    expect(server.rows('order-list').size).toBe(130)
    await until(() => expect(rows.get().rows.map((each) => each.pending)).toEqual([0, 0, 0, 0, 0]))
  })

  test('the next one costs no more than the first: not on their stream, not on a row they all touch', async () => {
    const server = createMemorySyncServer(shop)
    server.act(bob, { type: 'order.place', stream: 'order/1', input: { customer: 'Eve' } })
    const device = await openDevice(server)
    await untilLive(device)
    const totals = device.client.row(SkuTotals, 'cup')
    totals.subscribe(() => undefined)
    const state = device.client.state(Order, 'order/1')
    state.subscribe(() => undefined)
    await until(() => expect([totals.get(), state.get()?.version]).toEqual([undefined, 1]))
    goOffline(device)
    const add = async (): Promise<number> => {
      const read = countRead(['pending', 'overlay', 'rows'])
      await device.client.dispatch(Order.commands.addLine, { stream: 'order/1', input: { sku: 'cup', quantity: 1 } })
      vi.restoreAllMocks()
      return read()
    }
    await add()
    for (let n = 0; n < 60; n++) await add()
    expect(await add()).toBe(0)
    expect(totals.get()).toMatchObject({ row: { quantity: 62 }, pending: 62 })
    expect(state.get()).toMatchObject({ version: 63, pending: 62 })
  })

  test('what waits for a person far behind is listed with what it holds up, and can be decided on', async () => {
    const server = createMemorySyncServer(shop)
    server.act(bob, { type: 'order.place', stream: 'order/1', input: { customer: 'Eve' } })
    const browser = createTestBrowser()
    const made = await openDevice(server, { browser })
    await untilLive(made)
    const state = made.client.state(Order, 'order/1')
    await until(() => expect(state.get()).toMatchObject({ version: 1 }))
    goOffline(made)
    await place(made, 110)
    await made.client.dispatch(Order.commands.setNote, { stream: 'order/1', input: { note: 'mine' } })
    const behind = await made.client.dispatch(Order.commands.addLine, {
      stream: 'order/1',
      input: { sku: 'cup', quantity: 1 },
    })
    await made.client.close()
    server.act(bob, { type: 'order.setNote', stream: 'order/1', input: { note: 'theirs' } })
    const device = await openDevice(server, { browser, faults: { offline: true } })
    const { client } = device
    expect(client.pending.get()).toHaveLength(100)
    const attention = client.attention
    attention.subscribe(() => undefined)
    let empties = 0
    client.pending.subscribe(() => {
      if (client.pending.get().length === 0) empties += 1
    })
    // One page tells of all that are listed at once.
    server.hold()
    goOnline(device)
    await until(() => expect(client.status.get().attention).toBe(1))
    server.release()
    await until(() =>
      expect(attention.get()).toMatchObject([
        {
          input: { note: 'mine' },
          reason: { kind: 'conflict' },
          blocked: [behind.kind === 'stored' ? behind.commandId : ''],
        },
      ]),
    )
    await until(() => expect(client.status.get()).toMatchObject({ pending: 2, attention: 1 }))
    expect(empties).toBe(0)
    expect(await client.resolve(attention.get()[0]?.id ?? '', { kind: 'discard' })).toMatchObject({ kind: 'resolved' })
    await untilQuiet(device)
    expect(server.events('order/1').map((event) => event.type)).toEqual([
      'order.placed',
      'order.noteSet',
      'order.lineAdded',
    ])
  })

  test('signing out waits for those that are on their way behind a hundred that wait for a person', async () => {
    const server = createMemorySyncServer(shop)
    server.act(bob, { type: 'order.place', stream: 'order/1', input: { customer: 'Eve' } })
    const browser = createTestBrowser()
    const made = await openDevice(server, { browser })
    await untilLive(made)
    const state = made.client.state(Order, 'order/1')
    await until(() => expect(state.get()).toMatchObject({ version: 1 }))
    goOffline(made)
    await made.client.dispatch(Order.commands.setNote, { stream: 'order/1', input: { note: 'mine' } })
    for (let n = 0; n < 104; n++) {
      await made.client.dispatch(Order.commands.addLine, { stream: 'order/1', input: { sku: 'cup', quantity: 1 } })
    }
    server.act(bob, { type: 'order.setNote', stream: 'order/1', input: { note: 'theirs' } })
    goOnline(made)
    await until(() => expect(made.client.status.get()).toMatchObject({ attention: 1, pending: 105 }))
    await made.client.close()
    const device = await openDevice(server, { browser, faults: { offline: true } })
    await place(device, 3)
    server.hold()
    goOnline(device)
    await untilLive(device)
    const told = vi.fn()
    const signedOut = device.client.signOut({ kind: 'sync' })
    void signedOut.then(told)
    // Storage is asked one after the other: whoever would not wait has its answer by then.
    for (let look = 0; look < 10; look++) await device.client.exportPending()
    expect(told).not.toHaveBeenCalled()
    server.release()
    expect(await signedOut).toEqual({ kind: 'pending-work', count: 105 })
    expect(server.rows('order-list').size).toBe(4)
  })
})
