import { IDBObjectStore } from 'fake-indexeddb'
import { describe, expect, test, vi } from 'vitest'
import { openDevice, until, untilLive, untilQuiet } from './test-support/device.ts'
import { createMemorySyncServer } from './test-support/memory-sync-server.ts'
import { ann, bob, Order, OrderList, shop, SkuTotals } from './test-support/shop-domain.ts'
import { createTestBrowser } from './test-support/browser.ts'

const offline = { faults: { offline: true } }

describe('dispatch', () => {
  test('shows a command on a new stream before it returns, and resolves when it is stored', async () => {
    const { client } = await openDevice(createMemorySyncServer(shop), offline)
    const stream = client.newStream(Order)
    const rows = client.rows(OrderList, { index: 'recent' })
    rows.subscribe(() => undefined)
    await until(() => expect(rows.get().status).toBe('ready'))
    const result = client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
    expect(rows.get().rows).toMatchObject([{ key: stream, pending: 1, row: { customer: 'Eve' } }])
    expect(await result).toMatchObject({ kind: 'stored', stream, queued: false })
    expect(client.pending.get()).toMatchObject([{ type: 'order.place', stream, queued: false }])
  })

  test('decides on the predicted state of earlier pending commands, in the same frame', async () => {
    const { client } = await openDevice(createMemorySyncServer(shop), offline)
    const stream = client.newStream(Order)
    const row = client.row(OrderList, stream)
    row.subscribe(() => undefined)
    await client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
    const first = client.dispatch(Order.commands.addLine, { stream, input: { sku: 'cup', quantity: 2 } })
    await first
    const second = client.dispatch(Order.commands.addLine, { stream, input: { sku: 'cup', quantity: 3 } })
    expect(row.get()).toMatchObject({ pending: 3, row: { quantity: 5 } })
    await second
    expect(client.state(Order, stream).get()).toMatchObject({ version: 3, state: { lines: { cup: 5 } } })
  })

  test('answers a refusal, an unchanged state, bad input, a missing right and a foreign stream at once, and stores nothing', async () => {
    const { client } = await openDevice(createMemorySyncServer(shop), offline)
    const stream = client.newStream(Order)
    await client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
    await client.dispatch(Order.commands.setNote, { stream, input: { note: 'a' } })
    const before = client.pending.get()
    expect(await client.dispatch(Order.commands.place, { stream, input: { customer: 'Bob' } })).toEqual({
      kind: 'refused',
      code: 'already_placed',
      params: {},
    })
    expect(await client.dispatch(Order.commands.setNote, { stream, input: { note: 'a' } })).toEqual({
      kind: 'unchanged',
    })
    expect(await client.dispatch(Order.commands.place, { stream, input: { customer: '' } })).toMatchObject({
      kind: 'invalid',
    })
    expect(await client.dispatch(Order.commands.setNote, { stream, input: { note: 'a\u0000' } })).toEqual({
      kind: 'invalid',
      issues: [{ path: '/note', message: 'nul_character' }],
    })
    expect(
      await client.dispatch(Order.commands.setNote, { stream, input: { note: 'x'.repeat(70_000) } }),
    ).toMatchObject({
      kind: 'invalid',
      issues: [{ message: 'too_large' }],
    })
    expect(await client.dispatch(Order.commands.audit, { stream, input: {} })).toEqual({ kind: 'forbidden' })
    expect(await client.dispatch(Order.commands.ship, { stream: 'stock/1', input: {} })).toMatchObject({
      kind: 'invalid',
    })
    expect(client.pending.get()).toBe(before)
  })

  test('rejects on a bug in the domain, and the next command works', async () => {
    const { client } = await openDevice(createMemorySyncServer(shop), offline)
    const stream = client.newStream(Order)
    await expect(client.dispatch(Order.commands.broken, { stream, input: {} })).rejects.toThrow('a bug in the domain')
    expect(await client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })).toMatchObject({
      kind: 'stored',
    })
  })

  test('queues a command on a stream whose state this device does not know, and one that asks to be queued', async () => {
    const server = createMemorySyncServer(shop)
    const device = await openDevice(server, offline)
    const { client } = device
    expect(await client.dispatch(Order.commands.ship, { stream: 'order/unknown', input: {} })).toMatchObject({
      queued: true,
    })
    const stream = client.newStream(Order)
    await client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
    expect(await client.dispatch(Order.commands.cancel, { stream, input: {} })).toMatchObject({ queued: true })
    const row = client.row(OrderList, stream)
    await until(() => expect(row.get()).toMatchObject({ row: { status: 'open' } }))
    device.link.faults.offline = false
    device.tab.wake()
    await until(() => expect(row.get()).toBeUndefined())
    // The server knows no such order, and says so; the input is kept.
    await until(() =>
      expect(client.attention.get()).toMatchObject([{ stream: 'order/unknown', reason: { kind: 'refused' } }]),
    )
  })

  test('a command on a stream that is not in memory is shown as soon as its state is read', async () => {
    const server = createMemorySyncServer(shop)
    server.act(bob, { type: 'order.place', stream: 'order/1', input: { customer: 'Eve' } })
    const browser = createTestBrowser()
    const first = await openDevice(server, { browser })
    await untilLive(first)
    await first.client.close()
    const { client } = await openDevice(server, { browser, faults: { offline: true } })
    const one = client.dispatch(Order.commands.addLine, { stream: 'order/1', input: { sku: 'cup', quantity: 1 } })
    const two = client.dispatch(Order.commands.addLine, { stream: 'order/1', input: { sku: 'cup', quantity: 2 } })
    expect(await one).toMatchObject({ kind: 'stored', queued: false })
    expect(await two).toMatchObject({ kind: 'stored', queued: false })
    expect(client.state(Order, 'order/1').get()).toMatchObject({ version: 3, state: { lines: { cup: 3 } } })
    const totals = client.row(SkuTotals, 'cup')
    await until(() => expect(totals.get()).toMatchObject({ row: { quantity: 3 }, pending: 2 }))
  })

  test('is taken back, and says so, when the device cannot store it', async () => {
    const server = createMemorySyncServer(shop)
    const device = await openDevice(server, offline)
    const { client } = device
    const stream = client.newStream(Order)
    await client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
    const row = client.row(OrderList, stream)
    row.subscribe(() => undefined)
    const totals = client.rows(SkuTotals)
    totals.subscribe(() => undefined)
    await until(() => expect(totals.get().status).toBe('ready'))
    const before = row.get()
    // fake-indexeddb has no quota: a transaction that cannot be written is one whose `add` fails.
    const full = vi.spyOn(IDBObjectStore.prototype, 'add').mockImplementation(() => {
      throw new DOMException('The quota has been exceeded.', 'QuotaExceededError')
    })
    const result = client.dispatch(Order.commands.addLine, { stream, input: { sku: 'cup', quantity: 1 } })
    expect(row.get()).toMatchObject({ pending: 2, row: { quantity: 1 } })
    expect(await result).toMatchObject({ kind: 'storage' })
    expect(row.get()).toEqual(before)
    expect(client.pending.get()).toHaveLength(1)
    full.mockRestore()
    expect(await client.dispatch(Order.commands.addLine, { stream, input: { sku: 'cup', quantity: 1 } })).toMatchObject(
      { kind: 'stored' },
    )
  })

  test('keeps every command through close and reopen, and sends them later', async () => {
    const server = createMemorySyncServer(shop)
    const browser = createTestBrowser()
    const first = await openDevice(server, { browser, faults: { offline: true } })
    const stream = first.client.newStream(Order)
    await first.client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
    await first.client.dispatch(Order.commands.addLine, { stream, input: { sku: 'cup', quantity: 2 } })
    await first.client.close()
    const second = await openDevice(server, { browser, faults: { offline: true } })
    expect(second.client.deviceId).toBe(first.client.deviceId)
    const row = second.client.row(OrderList, stream)
    row.subscribe(() => undefined)
    await until(() => expect(row.get()).toMatchObject({ pending: 2, row: { quantity: 2 } }))
    second.link.faults.offline = false
    second.tab.wake()
    await untilQuiet(second)
    expect(server.events(stream).map((event) => event.type)).toEqual(['order.placed', 'order.lineAdded'])
    expect(row.get()).toMatchObject({ pending: 0, row: { quantity: 2 } })
  })

  test('two accounts on one device share nothing', async () => {
    const server = createMemorySyncServer(shop)
    const browser = createTestBrowser()
    const one = await openDevice(server, { browser, who: ann, faults: { offline: true } })
    await one.client.dispatch(Order.commands.place, { stream: one.client.newStream(Order), input: { customer: 'Eve' } })
    const other = await openDevice(server, { browser, who: bob, faults: { offline: true } })
    expect(other.client.pending.get()).toEqual([])
    expect(other.client.deviceId).not.toBe(one.client.deviceId)
  })
})

describe('signing out', () => {
  test('is refused while work is unsent, unless the choice covers exactly that work', async () => {
    const server = createMemorySyncServer(shop)
    const browser = createTestBrowser()
    const first = await openDevice(server, { browser, faults: { offline: true } })
    await first.client.dispatch(Order.commands.place, {
      stream: first.client.newStream(Order),
      input: { customer: 'Eve' },
    })
    expect(await first.client.signOut()).toEqual({ kind: 'pending-work', count: 1 })
    expect(await first.client.signOut({ kind: 'discard', count: 2 })).toEqual({ kind: 'pending-work', count: 1 })
    expect(await first.client.signOut({ kind: 'keep' })).toEqual({ kind: 'signed-out', kept: 1 })
    const second = await openDevice(server, { browser, faults: { offline: true } })
    expect(second.client.pending.get()).toHaveLength(1)
    expect(await second.client.signOut({ kind: 'discard', count: 1 })).toEqual({ kind: 'signed-out', kept: 0 })
    const third = await openDevice(server, { browser, faults: { offline: true } })
    expect(third.client.pending.get()).toEqual([])
    expect(third.client.deviceId).not.toBe(second.client.deviceId)
  })
})
