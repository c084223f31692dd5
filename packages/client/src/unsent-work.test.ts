import { beforeEach, describe, expect, test, vi } from 'vitest'
import { DatabaseUnavailableError } from './database.ts'
import { createClient } from './create-client.ts'
import { rescueDevice } from './rescue.ts'
import { createTestBrowser } from './test-support/browser.ts'
import { goOnline, openDevice, until, untilQuiet } from './test-support/device.ts'
import { createMemorySyncServer } from './test-support/memory-sync-server.ts'
import { ann, bob, Order, OrderList, shop } from './test-support/shop-domain.ts'

const offline = { faults: { offline: true } }

describe('unsent work in a file', () => {
  test('is given up here, taken in on another device, shown there, and lands once', async () => {
    const server = createMemorySyncServer(shop)
    const device = await openDevice(server, offline)
    const stream = device.client.newStream(Order)
    await device.client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
    await device.client.dispatch(Order.commands.addLine, { stream, input: { sku: 'cup', quantity: 2 } })
    const file = JSON.stringify(await device.client.exportPending())
    expect(await device.client.signOut({ kind: 'discard', count: 2 })).toEqual({ kind: 'signed-out', kept: 0 })

    const other = await openDevice(server, offline)
    expect(await other.client.importPending(JSON.parse(file))).toEqual({ kind: 'imported', added: 2, known: 0 })
    const row = other.client.row(OrderList, stream)
    await until(() => expect(row.get()).toMatchObject({ pending: 2, row: { customer: 'Eve', quantity: 2 } }))
    expect(await other.client.importPending(JSON.parse(file))).toEqual({ kind: 'imported', added: 0, known: 2 })
    goOnline(other)
    await untilQuiet(other)
    const third = await openDevice(server)
    await third.client.importPending(JSON.parse(file))
    await until(() => {
      third.browser.advance(1_000)
      expect(third.client.pending.get()).toEqual([])
    })
    expect(server.events(stream).map((event) => event.type)).toEqual(['order.placed', 'order.lineAdded'])
  })

  test('is refused for another person, and taken in whole or not at all', async () => {
    const server = createMemorySyncServer(shop)
    const { client } = await openDevice(server, { who: ann, ...offline })
    await client.dispatch(Order.commands.place, { stream: client.newStream(Order), input: { customer: 'Eve' } })
    const file = await client.exportPending()
    const other = await openDevice(server, { who: bob, ...offline })
    expect(await other.client.importPending(file)).toMatchObject({ kind: 'other-account', principal: 'ann' })
    const own = await openDevice(server, { who: ann, ...offline })
    const broken = { ...file, commands: [...file.commands, { ...file.commands[0], stream: 7 }] }
    expect(await own.client.importPending(broken)).toMatchObject({
      kind: 'unreadable',
      issues: [{ path: /^\/commands\/1/ }],
    })
    for (const nonsense of [null, 'text', { format: 'tidemark-pending' }, []]) {
      expect(await own.client.importPending(nonsense)).toMatchObject({ kind: 'unreadable' })
    }
    expect(own.client.pending.get()).toEqual([])
    expect(other.client.pending.get()).toEqual([])
  })
})

describe('signing out after sending', () => {
  test('ends when everything has got through', async () => {
    const server = createMemorySyncServer(shop)
    const { client } = await openDevice(server)
    const stream = client.newStream(Order)
    await client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
    expect(await client.signOut({ kind: 'sync' })).toEqual({ kind: 'signed-out', kept: 0 })
    expect(server.events(stream)).toHaveLength(1)
  })

  test('does not happen without a network, nor over something that waits for a person', async () => {
    const server = createMemorySyncServer(shop)
    const device = await openDevice(server, offline)
    await until(() => expect(device.client.status.get().connection).toBe('offline'))
    const stream = device.client.newStream(Order)
    await device.client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
    expect(await device.client.signOut({ kind: 'sync' })).toEqual({ kind: 'pending-work', count: 1 })
    device.link.faults.answer = { kind: 'forbidden' }
    goOnline(device)
    await until(() => expect(device.client.attention.get()).toHaveLength(1))
    expect(await device.client.signOut({ kind: 'sync' })).toEqual({ kind: 'pending-work', count: 1 })
  })
})

describe('a database that the browser cannot open', () => {
  beforeEach(() => {
    // Dexie says on the console that it tries again.
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  })

  test('is tried again, never deleted by itself, and can be rebuilt from the second copy by a decision', async () => {
    const server = createMemorySyncServer(shop)
    const browser = createTestBrowser()
    const doomed = await openDevice(server, { browser, ...offline })
    await doomed.client.dispatch(Order.commands.place, {
      stream: doomed.client.newStream(Order),
      input: { customer: 'Eve' },
    })
    await doomed.client.close()
    const open = vi.spyOn(browser.indexedDB, 'open').mockImplementation(() => {
      throw new DOMException('Internal error opening backing store for indexedDB.open.', 'UnknownError')
    })
    const { platform } = browser.tab()
    const transport = server.connect(ann)
    const opened = createClient({ domain: shop, principal: ann, transport, platform })
    const failed = vi.fn()
    const ended = opened.catch(failed)
    await until(() => {
      browser.advance(500)
      expect(failed).toHaveBeenCalledWith(expect.any(DatabaseUnavailableError))
    })
    await ended
    expect(open.mock.calls.length).toBeGreaterThan(1)
    const rescue = await rescueDevice({ domain: shop, principal: ann, platform })
    expect(rescue.unsent?.commands).toMatchObject([{ type: 'order.place', input: { customer: 'Eve' } }])
    open.mockRestore()
    await rescue.rebuild()
    const device = await openDevice(server, { browser, ...offline })
    expect(device.client.pending.get()).toMatchObject([{ input: { customer: 'Eve' } }])
    expect(device.client.status.get().recovery).toMatchObject({ restored: 1 })
  })

  test('that comes up a little later is opened as if nothing had been', async () => {
    const browser = createTestBrowser()
    // Dexie by itself tries four times, all at once.
    let failures = 6
    const { open: really } = browser.indexedDB
    const open = vi.spyOn(browser.indexedDB, 'open').mockImplementation((...args) => {
      if (failures-- > 0) {
        throw new DOMException('Internal error opening backing store for indexedDB.open.', 'UnknownError')
      }
      return really.apply(browser.indexedDB, args)
    })
    const device = openDevice(createMemorySyncServer(shop), { browser, ...offline })
    let isOpen = false
    const opening = (async () => {
      await device
      isOpen = true
    })()
    await until(() => {
      browser.advance(500)
      expect(isOpen).toBe(true)
    })
    await opening
    expect(open.mock.calls.length).toBeGreaterThan(6)
  })
})
