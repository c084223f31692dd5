import { describe, expect, test } from 'vitest'
import type { Page, Transport } from '@tidemark/core'
import { createTestBrowser } from './test-support/browser.ts'
import { goOffline, goOnline, openDevice, until, untilLive, untilQuiet, type Device } from './test-support/device.ts'
import { createMemorySyncServer } from './test-support/memory-sync-server.ts'
import { ann, bob, Order, OrderList, shop, SkuTotals } from './test-support/shop-domain.ts'
import { createClient } from './create-client.ts'
import { LOADING, type Live } from './live.ts'

/** Every value a live list has when its listeners are told, and at the start. */
function sample<T>(live: Live<T>): T[] {
  const seen: T[] = [live.get()]
  live.subscribe(() => seen.push(live.get()))
  return seen
}

async function place(device: Device, customer: string): Promise<string> {
  const stream = device.client.newStream(Order)
  await device.client.dispatch(Order.commands.place, { stream, input: { customer } })
  return stream
}

describe('a change on its way to being confirmed', () => {
  test('is shown exactly once at every moment, whatever arrives first', async () => {
    for (const order of ['rows first', 'answer first'] as const) {
      const server = createMemorySyncServer(shop)
      const device = await openDevice(server)
      await untilLive(device)
      const stream = await place(device, 'Eve')
      await untilQuiet(device)
      const row = sample(device.client.row(OrderList, stream))
      const totals = sample(device.client.row(SkuTotals, 'cup'))
      const list = sample(device.client.rows(OrderList, { index: 'byCustomer' }))
      await until(() => expect(list.at(-1)).toMatchObject({ status: 'ready' }))
      // `answer first`: the log grows, and no page shows it until the answer has long been here.
      if (order === 'answer first') server.hold()
      await device.client.dispatch(Order.commands.addLine, { stream, input: { sku: 'cup', quantity: 7 } })
      if (order === 'answer first') {
        await until(() => expect(device.client.pending.get()).toMatchObject([{ state: 'answered' }]))
        server.release()
      }
      await untilQuiet(device)
      const quantities = (values: readonly unknown[]) =>
        values.flatMap((value) =>
          typeof value === 'object' ? [(value as { row: { quantity: number } }).row.quantity] : [],
        )
      // Never 14, and never 0 again after 7.
      expect(new Set(quantities(row))).toEqual(new Set([0, 7]))
      expect(quantities(row).lastIndexOf(0)).toBeLessThan(quantities(row).indexOf(7))
      expect(new Set(quantities(totals))).toEqual(new Set([7]))
      const lists = list
        .filter((each) => each.status === 'ready')
        .map((each) => each.rows.map((one) => one.row.quantity))
      expect(lists.every((each) => each.length === 1 && (each[0] === 0 || each[0] === 7))).toBe(true)
      expect(row.at(-1)).toMatchObject({ pending: 0 })
    }
  })

  test('survives a lost answer: the same command is sent again and has one effect', async () => {
    const server = createMemorySyncServer(shop)
    const device = await openDevice(server)
    await untilLive(device)
    device.link.faults.loseReplies = true
    server.hold()
    const stream = await place(device, 'Eve')
    await until(() => expect(server.events(stream)).toHaveLength(1))
    await until(() => expect(device.client.status.get().connection).toBe('offline'))
    expect(device.client.pending.get()).toMatchObject([
      { state: 'waiting', cause: { kind: 'offline' }, lastError: { kind: 'unreachable' } },
    ])
    device.link.faults.loseReplies = false
    server.release()
    device.browser.advance(30_000)
    await untilQuiet(device)
    expect(server.events(stream)).toHaveLength(1)
  })

  test('is confirmed by a page alone when the answer never comes', async () => {
    const server = createMemorySyncServer(shop)
    const device = await openDevice(server)
    await untilLive(device)
    device.link.faults.loseReplies = true
    const stream = await place(device, 'Eve')
    // The live stream was not cut: it brought rows and outcome before the push was known to have failed.
    await untilQuiet(device)
    expect(server.events(stream)).toHaveLength(1)
  })

  test('is fetched by a pull when the live stream stays silent about it', async () => {
    const server = createMemorySyncServer(shop)
    const device = await openDevice(server)
    await untilLive(device)
    device.link.faults.muteLive = true
    await place(device, 'Eve')
    await until(() => expect(device.client.pending.get()).toMatchObject([{ state: 'answered' }]))
    const pulls = device.link.calls.pull
    device.browser.advance(5_000)
    await untilQuiet(device)
    expect(device.link.calls.pull).toBeGreaterThan(pulls)
  })
})

describe('offline work', () => {
  test('of many streams goes out in the order of each stream when the network is back', async () => {
    const server = createMemorySyncServer(shop)
    const device = await openDevice(server, { faults: { offline: true } })
    const streams: string[] = []
    for (let i = 0; i < 8; i++) {
      const stream = await place(device, `c${i}`)
      streams.push(stream)
      for (let n = 1; n <= 10; n++) {
        await device.client.dispatch(Order.commands.addLine, { stream, input: { sku: `s${n}`, quantity: n } })
      }
    }
    expect(device.client.status.get()).toMatchObject({ pending: 88, connection: 'offline' })
    goOnline(device)
    await untilQuiet(device)
    for (const stream of streams) {
      expect(server.events(stream).map((event) => event.version)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
      expect(
        server
          .events(stream)
          .slice(1)
          .map((event) => (event.data as { sku: string }).sku),
      ).toEqual(Array.from({ length: 10 }, (_, n) => `s${n + 1}`))
    }
    const rows = device.client.rows(OrderList, { index: 'byCustomer' })
    rows.subscribe(() => undefined)
    await until(() => expect(rows.get().rows).toHaveLength(8))
    expect(rows.get().rows.every((row) => row.pending === 0 && row.row.quantity === 55)).toBe(true)
  })

  test('meets what others did meanwhile: it is decided again on their state, and the server agrees', async () => {
    const server = createMemorySyncServer(shop)
    const device = await openDevice(server)
    await untilLive(device)
    const stream = await place(device, 'Eve')
    await untilQuiet(device)
    goOffline(device)
    await until(() => expect(device.client.status.get().connection).toBe('offline'))
    await device.client.dispatch(Order.commands.addLine, { stream, input: { sku: 'cup', quantity: 2 } })
    server.act(bob, { type: 'order.addLine', stream, input: { sku: 'cup', quantity: 5 } })
    goOnline(device)
    await untilQuiet(device)
    expect(device.client.state(Order, stream).get()).toMatchObject({
      version: 3,
      state: { lines: { cup: 7 } },
      pending: 0,
    })
  })

  test('that no longer holds is shown as such, still sent, and becomes a refusal that keeps its input', async () => {
    const server = createMemorySyncServer(shop)
    const device = await openDevice(server)
    await untilLive(device)
    const stream = await place(device, 'Eve')
    await untilQuiet(device)
    goOffline(device)
    await until(() => expect(device.client.status.get().connection).toBe('offline'))
    await device.client.dispatch(Order.commands.addLine, { stream, input: { sku: 'cup', quantity: 2 } })
    server.act(bob, { type: 'order.ship', stream, input: {} })
    // Rows come back before the push may go out.
    device.link.faults.offline = false
    device.link.faults.answer = { kind: 'retry', after: 60_000, reason: 'overloaded' }
    device.tab.wake()
    await until(() =>
      expect(device.client.attention.get()).toMatchObject([
        { reason: { kind: 'no-longer-holds', code: 'not_open' }, blocked: [] },
      ]),
    )
    const row = device.client.row(OrderList, stream)
    await until(() => expect(row.get()).toMatchObject({ row: { status: 'shipped', quantity: 0 }, attention: true }))
    await until(() =>
      expect(device.client.pending.get()).toMatchObject([{ lastError: { kind: 'retry', reason: 'overloaded' } }]),
    )
    device.link.faults.answer = null
    device.client.sync()
    await until(() =>
      expect(device.client.attention.get()).toMatchObject([
        {
          reason: { kind: 'refused', code: 'not_open', params: { status: 'shipped' } },
          input: { sku: 'cup', quantity: 2 },
        },
      ]),
    )
    expect(row.get()).toMatchObject({ row: { quantity: 0 }, attention: true, pending: 0 })
  })
})

describe('pulling', () => {
  test('a first sync of many pages shows nothing of it before its cut, and then all', async () => {
    const server = createMemorySyncServer(shop, { pageRows: 7 })
    for (let i = 0; i < 20; i++)
      server.act(bob, { type: 'order.place', stream: `order/${i}`, input: { customer: `c${i}` } })
    const device = await openDevice(server)
    const list = sample(device.client.rows(OrderList))
    await untilLive(device)
    await until(() => expect(list.at(-1)?.rows).toHaveLength(20))
    expect(new Set(list.map((each) => each.rows.length))).toEqual(new Set([0, 20]))
  })

  test('goes on where it was when the tab died between two pages', async () => {
    const server = createMemorySyncServer(shop, { pageRows: 5 })
    for (let i = 0; i < 12; i++)
      server.act(bob, { type: 'order.place', stream: `order/${i}`, input: { customer: `c${i}` } })
    const browser = createTestBrowser()
    const link = server.connect(ann)
    let pages = 0
    const dying: Transport = {
      ...link,
      pull: (request, signal) =>
        ++pages > 3 ? Promise.resolve({ kind: 'unreachable' as const, message: 'gone' }) : link.pull(request, signal),
    }
    const tab = browser.tab()
    const first = await createClient({ domain: shop, principal: ann, transport: dying, platform: tab.platform })
    await until(() => expect(first.status.get()).toMatchObject({ connection: 'offline', initial: { progress: 0.625 } }))
    await first.close()
    const second = await openDevice(server, { browser })
    await untilLive(second)
    const rows = second.client.rows(OrderList)
    rows.subscribe(() => undefined)
    await until(() => expect(rows.get().rows).toHaveLength(12))
    // 12 orders are 24 rows: 5 pages of 5, three of which were here already.
    expect(second.link.calls.pull).toBe(2)
  })

  test('a reset replaces the rows and leaves pending commands alone', async () => {
    const server = createMemorySyncServer(shop)
    for (const key of ['a', 'b', 'c'])
      server.act(bob, { type: 'order.place', stream: `order/${key}`, input: { customer: key } })
    const device = await openDevice(server)
    await untilLive(device)
    const rows = device.client.rows(OrderList, { index: 'byCustomer' })
    const seen = sample(rows)
    await until(() => expect(rows.get().rows).toHaveLength(3))
    goOffline(device)
    await until(() => expect(device.client.status.get().connection).toBe('offline'))
    await device.client.dispatch(Order.commands.addLine, { stream: 'order/a', input: { sku: 'cup', quantity: 4 } })
    server.act(bob, { type: 'order.cancel', stream: 'order/b', input: {} })
    server.forgetCursors()
    const start = seen.length
    goOnline(device)
    await untilQuiet(device)
    await until(() => expect(rows.get().rows.map((row) => row.row.customer)).toEqual(['a', 'c']))
    expect(rows.get().rows[0]).toMatchObject({ row: { quantity: 4 }, pending: 0 })
    const quantities = seen.slice(start).map((each) => each.rows.find((row) => row.key === 'order/a')?.row.quantity)
    expect(new Set(quantities)).toEqual(new Set([4]))
  })

  test('a page that does not continue the stored cursor is dropped and asked for again', async () => {
    const server = createMemorySyncServer(shop)
    server.act(bob, { type: 'order.place', stream: 'order/a', input: { customer: 'a' } })
    const link = server.connect(ann)
    const pages: Page[] = []
    let replay = false
    const repeating: Transport = {
      ...link,
      pull: async (request, signal) => {
        const reply = await link.pull(request, signal)
        if (reply.kind === 'page') pages.push(reply)
        const [first] = pages
        if (replay && first !== undefined) {
          replay = false
          return { ...first, since: 'elsewhere', reset: false }
        }
        return reply
      },
    }
    const browser = createTestBrowser()
    const client = await createClient({
      domain: shop,
      principal: ann,
      transport: repeating,
      platform: browser.tab().platform,
    })
    await until(() => expect(client.status.get().connection).toBe('live'))
    const row = client.row(OrderList, 'order/a')
    row.subscribe(() => undefined)
    await until(() => expect(row.get()).toMatchObject({ row: { customer: 'a' } }))
    server.act(bob, { type: 'order.addLine', stream: 'order/a', input: { sku: 'cup', quantity: 1 } })
    await until(() => expect(row.get()).toMatchObject({ row: { quantity: 1 } }))
    const seen = sample(row)
    replay = true
    link.cut()
    await until(() => expect(client.status.get().connection).toBe('connecting'))
    browser.advance(1_000)
    await until(() => expect(client.status.get().connection).toBe('live'))
    expect(replay).toBe(false)
    await client.close()
    // The page that was replayed holds the row as it was before.
    for (const each of seen) expect(each).toMatchObject({ row: { quantity: 1 } })
  })
})

describe('the connection', () => {
  test('goes down and up again by itself, and a wake shortens the wait', async () => {
    const server = createMemorySyncServer(shop)
    const device = await openDevice(server, { faults: { offline: true } })
    await until(() => expect(device.client.status.get()).toMatchObject({ connection: 'offline', lastContactAt: null }))
    device.link.faults.offline = false
    device.browser.advance(1_000)
    await untilLive(device)
    goOffline(device)
    await until(() => expect(device.client.status.get().connection).toBe('offline'))
    goOnline(device)
    await untilLive(device)
    expect(device.client.status.get().lastContactAt).not.toBeNull()
  })

  test('work goes on while signed out, and is sent after signing in', async () => {
    const server = createMemorySyncServer(shop)
    const device = await openDevice(server, { faults: { failure: { kind: 'unauthenticated' } } })
    await until(() => expect(device.client.status.get().connection).toBe('needs-sign-in'))
    const stream = await place(device, 'Eve')
    expect(device.client.pending.get()).toMatchObject([{ cause: { kind: 'sign-in' }, state: 'waiting' }])
    device.link.faults.failure = null
    device.client.sync()
    await untilQuiet(device)
    expect(server.events(stream)).toHaveLength(1)
  })

  test('an overloaded server is given time for one stream while others flow', async () => {
    const server = createMemorySyncServer(shop)
    const device = await openDevice(server)
    await untilLive(device)
    device.link.faults.answer = { kind: 'retry', after: 10_000, reason: 'contention' }
    const held = await place(device, 'held')
    await until(() =>
      expect(device.client.pending.get()).toMatchObject([
        { cause: { kind: 'server-busy', reason: 'contention' }, attempts: 1 },
      ]),
    )
    device.link.faults.answer = null
    const free = await place(device, 'free')
    await until(() => expect(server.events(free)).toHaveLength(1))
    expect(server.events(held)).toHaveLength(0)
    device.browser.advance(10_000)
    await untilQuiet(device)
    expect(server.events(held)).toHaveLength(1)
  })
})

describe('history', () => {
  test('is the server’s, with this device’s own pending events after it', async () => {
    const server = createMemorySyncServer(shop)
    const device = await openDevice(server)
    await untilLive(device)
    const stream = await place(device, 'Eve')
    await untilQuiet(device)
    device.link.faults.answer = { kind: 'retry', after: 60_000, reason: 'overloaded' }
    await device.client.dispatch(Order.commands.addLine, { stream, input: { sku: 'cup', quantity: 2 } })
    const online = await device.client.history(stream)
    expect(online).toMatchObject({
      kind: 'history',
      entries: [
        { type: 'order.placed', pending: false },
        { type: 'order.lineAdded', pending: true },
      ],
    })
    goOffline(device)
    expect(await device.client.history(stream)).toMatchObject({
      kind: 'offline',
      entries: [{ type: 'order.lineAdded', pending: true }],
    })
  })
})

test('a row is loading until it is known, then there or not', async () => {
  const server = createMemorySyncServer(shop)
  server.act(bob, { type: 'order.place', stream: 'order/a', input: { customer: 'a' } })
  const device = await openDevice(server)
  await untilLive(device)
  const there = device.client.row(OrderList, 'order/a')
  const absent = device.client.row(OrderList, 'order/b')
  expect(there.get()).toBe(LOADING)
  expect(absent.get()).toBe(LOADING)
  await until(() => expect(there.get()).toMatchObject({ row: { customer: 'a' } }))
  await until(() => expect(absent.get()).toBeUndefined())
})
