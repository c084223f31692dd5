import { describe, expect, test } from 'vitest'
import { createTestBrowser } from './test-support/browser.ts'
import { goOffline, goOnline, openDevice, until, untilLive, untilQuiet, type Device } from './test-support/device.ts'
import { createMemorySyncServer } from './test-support/memory-sync-server.ts'
import { bob, Order, OrderList, shop } from './test-support/shop-domain.ts'

function add({ client }: Device, stream: string, quantity: number) {
  return client.dispatch(Order.commands.addLine, { stream, input: { sku: 'cup', quantity } })
}

/** Time goes on until nothing is pending: what the server still has is told when the device asks what became of it. */
async function untilSettled({ client, browser }: Device): Promise<void> {
  await until(() => {
    browser.advance(1_000)
    expect(client.pending.get()).toEqual([])
  })
}

/** An order with a line, confirmed. */
async function placeOrder(device: Device): Promise<string> {
  const stream = device.client.newStream(Order)
  await device.client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
  await add(device, stream, 1)
  await untilQuiet(device)
  return stream
}

function types(server: ReturnType<typeof createMemorySyncServer>, stream: string): string[] {
  return server.events(stream).map((event) => event.type)
}

describe('a server that was put back to an older state', () => {
  test('gets from the device what it had accepted since, in order and once, and the rows of both agree', async () => {
    const server = createMemorySyncServer(shop)
    const device = await openDevice(server)
    const old = await placeOrder(device)
    const putBack = server.backUp()
    const lost = await placeOrder(device)
    await add(device, old, 5)
    await untilQuiet(device)
    putBack()
    expect(types(server, lost)).toEqual([])
    await until(() => expect(device.client.pending.get()).not.toEqual([]))
    await untilSettled(device)
    expect(types(server, lost)).toEqual(['order.placed', 'order.lineAdded'])
    expect(types(server, old)).toEqual(['order.placed', 'order.lineAdded', 'order.lineAdded'])
    const rows = device.client.rows(OrderList)
    await until(() =>
      expect(new Map(rows.get().rows.map(({ key, row }) => [key, row]))).toEqual(server.rows('order-list')),
    )
  })

  test('with a first sync of many pages: nothing is offered before the cut, and a crash in between forgets nothing', async () => {
    const server = createMemorySyncServer(shop, { pageRows: 2 })
    const browser = createTestBrowser()
    const doomed = await openDevice(server, { browser })
    for (let order = 0; order < 4; order++) await placeOrder(doomed)
    const putBack = server.backUp()
    const lost = await placeOrder(doomed)
    goOffline(doomed)
    // A wake before it has noticed would be answered by waiting.
    await until(() => expect(doomed.client.status.get().connection).toBe('offline'))
    putBack()
    // The first page of the reset arrives, and no more.
    const { pull } = doomed.link
    let pages = 0
    doomed.link.pull = async (request, signal) => {
      pages += 1
      if (pages > 1) doomed.link.faults.offline = true
      return await pull(request, signal)
    }
    goOnline(doomed)
    await until(() => {
      browser.advance(1_000)
      expect(pages).toBeGreaterThan(1)
    })
    expect(server.events(lost)).toEqual([])
    expect(doomed.client.pending.get()).toEqual([])
    doomed.tab.kill()
    const device = await openDevice(server, { browser })
    await until(() => expect(device.client.pending.get()).not.toEqual([]))
    await untilSettled(device)
    expect(types(server, lost)).toEqual(['order.placed', 'order.lineAdded'])
  })

  test('shows what it still has exactly once while it is offered again', async () => {
    const server = createMemorySyncServer(shop)
    const device = await openDevice(server)
    const stream = await placeOrder(device)
    const row = device.client.row(OrderList, stream)
    const seen: unknown[] = []
    row.subscribe(() => seen.push((row.get() as { row?: { quantity: number } } | undefined)?.row?.quantity))
    await until(() => expect(row.get()).toMatchObject({ row: { quantity: 1 } }))
    const putBack = server.backUp()
    const pushes = () => device.link.calls.push
    const before = pushes()
    putBack()
    await until(() => expect(pushes()).toBeGreaterThan(before))
    await until(() => {
      device.browser.advance(5_000)
      expect(device.client.pending.get()).toEqual([])
    })
    expect(seen.every((quantity) => quantity === 1)).toBe(true)
    expect(types(server, stream)).toEqual(['order.placed', 'order.lineAdded'])
  })

  test('gets again what it had answered and never shown', async () => {
    const server = createMemorySyncServer(shop)
    const device = await openDevice(server)
    const stream = await placeOrder(device)
    const putBack = server.backUp()
    server.hold()
    await add(device, stream, 7)
    await until(() => expect(device.client.pending.get()).toMatchObject([{ state: 'answered' }]))
    putBack()
    server.release()
    // At once, not only when it has waited for a minute.
    await until(() => expect(server.rows('order-list').get(stream)).toMatchObject({ quantity: 8 }))
    await untilSettled(device)
    expect(types(server, stream)).toHaveLength(3)
  })

  test('an edit of what another device had made waits for that device', async () => {
    const server = createMemorySyncServer(shop)
    const [author, editor] = [await openDevice(server), await openDevice(server, { who: bob })]
    const putBack = server.backUp()
    const stream = await placeOrder(author)
    await until(() => expect(editor.client.row(OrderList, stream).get()).toMatchObject({ row: { quantity: 1 } }))
    await add(editor, stream, 2)
    await untilQuiet(editor)
    await untilQuiet(author)
    goOffline(author)
    putBack()
    await until(() => expect(editor.client.pending.get()).toMatchObject([{ cause: { kind: 'server-busy' } }]))
    goOnline(author)
    await until(() => {
      editor.browser.advance(1_000)
      author.browser.advance(1_000)
      expect(server.events(stream)).toHaveLength(3)
    })
    expect(types(server, stream)).toEqual(['order.placed', 'order.lineAdded', 'order.lineAdded'])
  })

  test('and becomes a conflict for a person when that device does not come back in a quarter of an hour', async () => {
    const server = createMemorySyncServer(shop)
    const [author, editor] = [await openDevice(server), await openDevice(server, { who: bob })]
    const putBack = server.backUp()
    const stream = await placeOrder(author)
    await until(() => expect(editor.client.row(OrderList, stream).get()).toMatchObject({ row: { quantity: 1 } }))
    await add(editor, stream, 2)
    await untilQuiet(editor)
    await author.client.close()
    putBack()
    await until(() => expect(editor.client.pending.get()).toMatchObject([{ cause: { kind: 'server-busy' } }]))
    editor.browser.advance(16 * 60_000)
    await until(() => {
      editor.browser.advance(1_000)
      expect(editor.client.attention.get()).toMatchObject([
        { stream, reason: { kind: 'conflict', theirs: { version: 0, events: [] } } },
      ])
    })
    expect(server.events(stream)).toEqual([])
  })
})

test('an answer that no page explains is asked for again after a minute', async () => {
  const server = createMemorySyncServer(shop)
  const device = await openDevice(server)
  const stream = await placeOrder(device)
  // The server says yes, and then loses the command without a trace in its cursors.
  device.link.faults.answer = { kind: 'accepted', version: 3, token: 't', rebased: false }
  await add(device, stream, 7)
  await until(() => expect(device.client.pending.get()).toMatchObject([{ state: 'answered' }]))
  device.link.faults.answer = null
  await untilLive(device)
  await until(() => {
    device.browser.advance(5_000)
    expect(server.events(stream)).toHaveLength(3)
  })
})
