import { IDBFactory } from 'fake-indexeddb'
import { describe, expect, test, vi } from 'vitest'
import { createTestBrowser, type TestBrowser } from './test-support/browser.ts'
import { goOnline, openDevice, until, untilLive, untilQuiet, type Device } from './test-support/device.ts'
import { createMemorySyncServer } from './test-support/memory-sync-server.ts'
import { Order, OrderList, shop } from './test-support/shop-domain.ts'

const NAME = 'shop:north:ann'
const offline = { faults: { offline: true } }

function place({ client }: Device, customer: string) {
  return client.dispatch(Order.commands.place, { stream: client.newStream(Order), input: { customer } })
}

async function placeAll(device: Device, ...customers: string[]): Promise<void> {
  for (const customer of customers) expect(await place(device, customer)).toMatchObject({ kind: 'stored' })
}

/** The browser dies, and comes up without its IndexedDB: what it does after some crashes (research, section 0). */
function loseDatabase(device: Device): void {
  device.tab.kill()
  device.browser.indexedDB = new IDBFactory()
}

function customers({ client }: Device): string[] {
  return client.pending.get().map((command) => (command.input as { customer: string }).customer)
}

/** Damages the frame that holds the text. */
function damageJournal(browser: TestBrowser, text: string): void {
  for (const [name, bytes] of browser.journals.files.get(NAME) ?? []) {
    const at = new TextDecoder('latin1').decode(bytes).indexOf(text)
    if (at < 0) continue
    const changed = bytes.slice()
    changed[at] = (changed[at] as number) ^ 1
    browser.journals.files.get(NAME)?.set(name, changed)
  }
}

describe('a database that the browser has lost', () => {
  test('comes back with every pending command in order, under the same installation, and the server gets each once', async () => {
    const server = createMemorySyncServer(shop)
    const browser = createTestBrowser()
    const doomed = await openDevice(server, { browser, ...offline })
    await placeAll(doomed, 'Eve', 'Joe', 'Ann')
    loseDatabase(doomed)
    const device = await openDevice(server, { browser, ...offline })
    expect(device.client.deviceId).toBe(doomed.client.deviceId)
    expect(customers(device)).toEqual(['Eve', 'Joe', 'Ann'])
    const rows = device.client.rows(OrderList)
    await until(() => expect(rows.get().rows).toHaveLength(3))
    expect(device.client.status.get().recovery).toMatchObject({ restored: 3, lost: [], unnamed: 0 })
    await placeAll(device, 'Bob')
    goOnline(device)
    await untilQuiet(device)
    expect([...server.rows('order-list').values()]).toMatchObject(
      ['Eve', 'Joe', 'Ann', 'Bob'].map((customer) => ({ customer })),
    )
  })

  test('shows a change of something that was lost with it when that is back, not a remnant of it before', async () => {
    const server = createMemorySyncServer(shop)
    const browser = createTestBrowser()
    const doomed = await openDevice(server, { browser })
    const stream = doomed.client.newStream(Order)
    await doomed.client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
    await untilQuiet(doomed)
    doomed.link.faults.offline = true
    doomed.link.cut()
    await doomed.client.dispatch(Order.commands.addLine, { stream, input: { sku: 'cup', quantity: 2 } })
    loseDatabase(doomed)

    const device = await openDevice(server, { browser, ...offline })
    const state = device.client.state(Order, stream)
    const list = device.client.rows(OrderList)
    await list.ready()
    await device.client.row(OrderList, stream).ready()
    expect([list.get().rows, state.get()]).toEqual([[], undefined])
    expect(device.client.pending.get()).toMatchObject([{ stream, queued: true }])
    goOnline(device)
    await untilQuiet(device)
    await until(() => expect(list.get().rows).toMatchObject([{ row: { customer: 'Eve', quantity: 2 }, pending: 0 }]))
    expect(server.events(stream).map((event) => event.type)).toEqual(['order.placed', 'order.lineAdded'])
  })

  test('is told until a person has seen it, in every tab and after a restart', async () => {
    const server = createMemorySyncServer(shop)
    const browser = createTestBrowser()
    const doomed = await openDevice(server, { browser, ...offline })
    await placeAll(doomed, 'Eve')
    loseDatabase(doomed)
    const one = await openDevice(server, { browser, ...offline })
    const two = await openDevice(server, { browser, ...offline })
    expect(two.client.status.get().recovery).toMatchObject({ restored: 1 })
    await one.client.dismissRecovery()
    await until(() => expect(two.client.status.get().recovery).toBeNull())
    await one.client.close()
    const three = await openDevice(server, { browser, ...offline })
    expect(three.client.status.get().recovery).toBeNull()
  })

  test('does not bring back what the server has confirmed, what a person has dropped, or what was edited', async () => {
    const server = createMemorySyncServer(shop)
    const browser = createTestBrowser()
    const doomed = await openDevice(server, { browser })
    await placeAll(doomed, 'confirmed')
    await untilQuiet(doomed)
    doomed.link.faults.answer = { kind: 'forbidden' }
    await placeAll(doomed, 'dropped', 'to edit')
    await until(() => expect(doomed.client.attention.get()).toHaveLength(2))
    const [first, second] = doomed.client.attention.get()
    await doomed.client.resolve(first?.id ?? '', { kind: 'discard' })
    doomed.link.faults.offline = true
    doomed.link.cut()
    await doomed.client.resolve(second?.id ?? '', { kind: 'edit', input: { customer: 'edited' } })
    loseDatabase(doomed)
    const device = await openDevice(server, { browser, ...offline })
    expect(customers(device)).toEqual(['edited'])
  })

  test('twice: what was dropped after the first time does not come back the second time', async () => {
    const server = createMemorySyncServer(shop)
    const browser = createTestBrowser()
    const doomed = await openDevice(server, { browser, ...offline })
    const names = Array.from({ length: 12 }, (_, index) => `customer ${String(index)}`)
    await placeAll(doomed, ...names)
    loseDatabase(doomed)
    const again = await openDevice(server, { browser, ...offline })
    again.link.faults.answer = { kind: 'forbidden' }
    goOnline(again)
    await until(() => expect(again.client.attention.get()).toHaveLength(12))
    const dropped = again.client.attention
      .get()
      .find((each) => (each.input as { customer: string }).customer === names[11])
    await again.client.resolve(dropped?.id ?? '', { kind: 'discard' })
    loseDatabase(again)
    const device = await openDevice(server, { browser, ...offline })
    expect(customers(device)).toEqual(names.slice(0, 11))
  })

  test('and of which the journal is damaged too: says exactly which command is lost, and brings back the others', async () => {
    const server = createMemorySyncServer(shop)
    const browser = createTestBrowser()
    const doomed = await openDevice(server, { browser, ...offline })
    await placeAll(doomed, 'Eve', 'Joe', 'Ann')
    const [, lost] = doomed.client.pending.get()
    loseDatabase(doomed)
    damageJournal(browser, '"input":{"customer":"Joe"}')
    const device = await openDevice(server, { browser, ...offline })
    expect(customers(device)).toEqual(['Eve', 'Ann'])
    expect(device.client.status.get().recovery).toMatchObject({
      restored: 2,
      lost: [{ id: lost?.id, type: 'order.place', stream: lost?.stream }],
      unnamed: 0,
    })
  })

  test('and whose journal is gone too: the note tells how many commands are lost, and since when', async () => {
    const server = createMemorySyncServer(shop)
    const browser = createTestBrowser()
    const doomed = await openDevice(server, { browser })
    await placeAll(doomed, 'confirmed')
    await untilQuiet(doomed)
    doomed.link.faults.offline = true
    doomed.link.cut()
    await placeAll(doomed, 'Eve', 'Joe')
    loseDatabase(doomed)
    browser.journals.files.clear()
    const device = await openDevice(server, { browser, ...offline })
    const { recovery } = device.client.status.get()
    expect(recovery).toMatchObject({ restored: 0, lost: [], unnamed: 2 })
    expect(recovery?.lastContactAt).not.toBeNull()
  })

  test('is nothing to report where nothing was unsent', async () => {
    const server = createMemorySyncServer(shop)
    const browser = createTestBrowser()
    const doomed = await openDevice(server, { browser })
    await placeAll(doomed, 'confirmed')
    await untilQuiet(doomed)
    loseDatabase(doomed)
    const device = await openDevice(server, { browser })
    expect(device.client.status.get().recovery).toBeNull()
    const rows = device.client.rows(OrderList)
    await until(() => expect(rows.get().rows).toHaveLength(1))
  })
})

describe('a browser that has forgotten everything', () => {
  test('is told which installations of the person had unsent work, in every tab, until a person has seen it', async () => {
    const server = createMemorySyncServer(shop)
    const doomed = await openDevice(server)
    doomed.link.faults.answer = { kind: 'forbidden' }
    await placeAll(doomed, 'Eve', 'Joe')
    await until(() => expect(doomed.client.attention.get()).toHaveLength(2))
    doomed.tab.kill()

    const browser = createTestBrowser()
    const one = await openDevice(server, { browser })
    const two = await openDevice(server, { browser })
    const told = {
      restored: 0,
      lost: [],
      unnamed: 0,
      elsewhere: [{ device: doomed.client.deviceId, unsent: 2, seenAt: expect.any(String) as string }],
    }
    for (const { client } of [one, two]) await until(() => expect(client.status.get().recovery).toMatchObject(told))
    await one.client.close()
    await two.client.close()
    const again = await openDevice(server, { browser, ...offline })
    expect(again.client.status.get().recovery).toMatchObject(told)
    await again.client.dismissRecovery()
    await again.client.close()
    expect((await openDevice(server, { browser })).client.status.get().recovery).toBeNull()
  })

  test('is told nothing where all work was sent', async () => {
    const server = createMemorySyncServer(shop)
    const device = await openDevice(server, offline)
    await placeAll(device, ...Array.from({ length: 20 }, (_, at) => `customer ${at}`))
    goOnline(device)
    await untilQuiet(device)
    device.tab.kill()
    const next = await openDevice(server)
    await untilLive(next)
    expect(next.client.status.get().recovery).toBeNull()
  })
})

describe('a journal that cannot be read when the app opens', () => {
  test('and has what the database lost: brings it back when it can be read, and says so', async () => {
    const server = createMemorySyncServer(shop)
    const browser = createTestBrowser()
    const doomed = await openDevice(server, { browser, ...offline })
    await placeAll(doomed, 'Eve', 'Joe')
    loseDatabase(doomed)
    browser.journals.mode = 'silent'
    const opening = openDevice(server, { browser, ...offline })
    let isOpen = false
    const opened = (async () => {
      await opening
      isOpen = true
    })()
    await until(() => {
      browser.advance(1_000)
      expect(isOpen).toBe(true)
    })
    await opened
    const device = await opening
    expect(device.client.status.get()).toMatchObject({ secondCopy: 'failing', recovery: { unnamed: 2 } })
    await placeAll(device, 'Ann')
    browser.journals.mode = 'working'
    await until(() => {
      browser.advance(5_000)
      expect(device.client.status.get().secondCopy).toBe('kept')
    })
    expect(customers(device).sort()).toEqual(['Ann', 'Eve', 'Joe'])
    expect(device.client.status.get().recovery).toMatchObject({ restored: 2, lost: [], unnamed: 0 })
    loseDatabase(device)
    const next = await openDevice(server, { browser, ...offline })
    expect(customers(next).sort()).toEqual(['Ann', 'Eve', 'Joe'])
  })
})

describe('a journal that is lost', () => {
  test('is written anew from the database, which can then be lost in turn', async () => {
    const server = createMemorySyncServer(shop)
    const browser = createTestBrowser()
    const first = await openDevice(server, { browser, ...offline })
    await placeAll(first, 'Eve')
    first.tab.kill()
    browser.journals.files.clear()
    const second = await openDevice(server, { browser, ...offline })
    expect(second.client.status.get().recovery).toBeNull()
    await until(() => expect(second.client.status.get().secondCopy).toBe('kept'))
    await placeAll(second, 'Joe')
    loseDatabase(second)
    const third = await openDevice(server, { browser, ...offline })
    expect(customers(third)).toEqual(['Eve', 'Joe'])
  })

  test('where the browser has no place for one, the database alone keeps everything, and the status says so', async () => {
    const server = createMemorySyncServer(shop)
    const browser = createTestBrowser()
    browser.journals.mode = 'missing'
    const device = await openDevice(server, { browser, ...offline })
    await until(() => expect(device.client.status.get().secondCopy).toBe('missing'))
    await placeAll(device, 'Eve')
    device.tab.kill()
    const next = await openDevice(server, { browser, ...offline })
    expect(customers(next)).toEqual(['Eve'])
  })

  test('that cannot be written stops nobody, is shown, and is whole again when it can', async () => {
    const server = createMemorySyncServer(shop)
    const browser = createTestBrowser()
    const device = await openDevice(server, { browser, ...offline })
    await until(() => expect(device.client.status.get().secondCopy).toBe('kept'))
    browser.journals.mode = 'failing'
    await placeAll(device, 'Eve')
    expect(device.client.status.get().secondCopy).toBe('failing')
    await placeAll(device, 'Joe')
    browser.journals.mode = 'working'
    await until(() => {
      browser.advance(5_000)
      expect(device.client.status.get().secondCopy).toBe('kept')
    })
    await placeAll(device, 'Ann')
    loseDatabase(device)
    const next = await openDevice(server, { browser, ...offline })
    expect(customers(next)).toEqual(['Eve', 'Joe', 'Ann'])
  })

  test('that answers nothing holds a dispatch up for five seconds, once', async () => {
    const server = createMemorySyncServer(shop)
    const browser = createTestBrowser()
    const device = await openDevice(server, { browser, ...offline })
    await until(() => expect(device.client.status.get().secondCopy).toBe('kept'))
    browser.journals.mode = 'silent'
    const told = vi.fn()
    const dispatched = place(device, 'Eve').then(told)
    await until(() => expect(device.client.pending.get()).toHaveLength(1))
    browser.advance(4_000)
    expect(told).not.toHaveBeenCalled()
    await until(() => {
      browser.advance(1_000)
      expect(told).toHaveBeenCalled()
    })
    await dispatched
    expect(device.client.status.get().secondCopy).toBe('failing')
    await placeAll(device, 'Joe')
    browser.journals.mode = 'working'
  })
})
