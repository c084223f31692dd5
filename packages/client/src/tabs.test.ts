import { describe, expect, test } from 'vitest'
import { createTestBrowser } from './test-support/browser.ts'
import { openDevice, until, untilLive, untilQuiet } from './test-support/device.ts'
import { createMemorySyncServer } from './test-support/memory-sync-server.ts'
import { bob, Order, OrderList, shop, SkuTotals } from './test-support/shop-domain.ts'
import { openTabs } from './tabs.ts'

describe('two tabs', () => {
  test('agree: what one does shows in the other, pending and confirmed, and one of them does the network', async () => {
    const server = createMemorySyncServer(shop)
    const browser = createTestBrowser()
    const one = await openDevice(server, { browser })
    await untilLive(one)
    const two = await openDevice(server, { browser })
    await until(() => expect(two.client.status.get()).toMatchObject({ connection: 'live', leader: false }))
    const stream = two.client.newStream(Order)
    server.hold()
    await two.client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
    const here = one.client.row(OrderList, stream)
    here.subscribe(() => undefined)
    await until(() => expect(here.get()).toMatchObject({ pending: 1, row: { customer: 'Eve' } }))
    await until(() => expect(two.client.pending.get()).toMatchObject([{ state: 'answered' }]))
    server.release()
    await untilQuiet(one)
    await untilQuiet(two)
    expect(here.get()).toMatchObject({ pending: 0 })
    expect(two.client.row(OrderList, stream).get()).toMatchObject({ pending: 0, row: { customer: 'Eve' } })
    expect(two.link.calls).toEqual({ push: 0, pull: 0, live: 0, history: 0 })
    expect(server.events(stream)).toHaveLength(1)
  })

  test('that write to one stream at once keep one order, each decided on the other’s work', async () => {
    const server = createMemorySyncServer(shop)
    const browser = createTestBrowser()
    const one = await openDevice(server, { browser, faults: { offline: true } })
    const two = await openDevice(server, { browser, faults: { offline: true } })
    const stream = one.client.newStream(Order)
    await one.client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
    const state = two.client.state(Order, stream)
    state.subscribe(() => undefined)
    await until(() => expect(state.get()).toMatchObject({ version: 1 }))
    const results = await Promise.all([
      one.client.dispatch(Order.commands.addLine, { stream, input: { sku: 'cup', quantity: 1 } }),
      two.client.dispatch(Order.commands.addLine, { stream, input: { sku: 'cup', quantity: 2 } }),
      one.client.dispatch(Order.commands.addLine, { stream, input: { sku: 'cup', quantity: 4 } }),
      two.client.dispatch(Order.commands.addLine, { stream, input: { sku: 'cup', quantity: 8 } }),
    ])
    expect(results.map((each) => each.kind)).toEqual(['stored', 'stored', 'stored', 'stored'])
    await until(() =>
      expect(two.client.state(Order, stream).get()).toMatchObject({ version: 5, state: { lines: { cup: 15 } } }),
    )
    await until(() =>
      expect(one.client.state(Order, stream).get()).toMatchObject({ version: 5, state: { lines: { cup: 15 } } }),
    )
    expect(one.client.pending.get().map((each) => each.id)).toEqual(two.client.pending.get().map((each) => each.id))
    for (const device of [one, two]) device.link.faults.offline = false
    one.tab.wake()
    await untilQuiet(one)
    await untilQuiet(two)
    expect(server.events(stream).map((event) => event.version)).toEqual([1, 2, 3, 4, 5])
  })

  test('a command that another tab has made untrue meanwhile is refused, and what was shown is taken back', async () => {
    const server = createMemorySyncServer(shop)
    const browser = createTestBrowser()
    browser.loseMessages = true
    const one = await openDevice(server, { browser, faults: { offline: true } })
    const two = await openDevice(server, { browser, faults: { offline: true } })
    const stream = one.client.newStream(Order)
    await one.client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
    browser.advance(5_000)
    const state = two.client.state(Order, stream)
    state.subscribe(() => undefined)
    await until(() => expect(state.get()).toMatchObject({ version: 1 }))
    await one.client.dispatch(Order.commands.ship, { stream, input: {} })
    // The other tab has not heard of it.
    const late = two.client.dispatch(Order.commands.addLine, { stream, input: { sku: 'cup', quantity: 1 } })
    expect(state.get()).toMatchObject({ state: { status: 'open', lines: { cup: 1 } } })
    expect(await late).toEqual({ kind: 'refused', code: 'not_open', params: { status: 'shipped' } })
    expect(state.get()).toMatchObject({ state: { lines: {} } })
  })

  test('converge by the stored versions when every message between them is lost', async () => {
    const server = createMemorySyncServer(shop)
    const browser = createTestBrowser()
    browser.loseMessages = true
    const one = await openDevice(server, { browser })
    await untilLive(one)
    const two = await openDevice(server, { browser })
    const stream = two.client.newStream(Order)
    await two.client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
    expect(server.events(stream)).toHaveLength(0)
    browser.advance(5_000)
    await until(() => expect(server.events(stream)).toHaveLength(1))
    server.act(bob, { type: 'order.addLine', stream, input: { sku: 'cup', quantity: 3 } })
    const totals = one.client.row(SkuTotals, 'cup')
    totals.subscribe(() => undefined)
    await until(() => expect(totals.get()).toMatchObject({ row: { quantity: 3 } }))
    browser.advance(5_000)
    await untilQuiet(two)
    const other = two.client.row(SkuTotals, 'cup')
    await until(() => expect(other.get()).toMatchObject({ row: { quantity: 3 } }))
  })

  test('the other takes over the network when the leading one dies', async () => {
    const server = createMemorySyncServer(shop)
    const browser = createTestBrowser()
    const one = await openDevice(server, { browser })
    await untilLive(one)
    const two = await openDevice(server, { browser })
    one.link.faults.offline = true
    const stream = two.client.newStream(Order)
    await two.client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
    one.tab.kill()
    await until(() => expect(two.client.status.get()).toMatchObject({ leader: true, connection: 'live' }))
    await untilQuiet(two)
    expect(server.events(stream)).toHaveLength(1)
  })

  test('the other takes over when the leading one is closed', async () => {
    const server = createMemorySyncServer(shop)
    const browser = createTestBrowser()
    const one = await openDevice(server, { browser })
    await untilLive(one)
    const two = await openDevice(server, { browser })
    expect(two.client.status.get().leader).toBe(false)
    await one.client.close()
    await until(() => expect(two.client.status.get()).toMatchObject({ leader: true, connection: 'live' }))
  })

  test('a decision in one tab settles the matter in the other', async () => {
    const server = createMemorySyncServer(shop)
    const browser = createTestBrowser()
    const one = await openDevice(server, { browser })
    await untilLive(one)
    const two = await openDevice(server, { browser })
    one.link.faults.answer = { kind: 'forbidden' }
    await two.client.dispatch(Order.commands.place, { stream: two.client.newStream(Order), input: { customer: 'Eve' } })
    await until(() => expect(two.client.attention.get()).toHaveLength(1))
    const [attention] = two.client.attention.get()
    await two.client.resolve(attention?.id ?? '', { kind: 'discard' })
    await until(() => expect(one.client.attention.get()).toEqual([]))
    await untilQuiet(one)
  })

  test('signing out in one closes the other', async () => {
    const server = createMemorySyncServer(shop)
    const browser = createTestBrowser()
    const one = await openDevice(server, { browser })
    const two = await openDevice(server, { browser })
    await untilLive(one)
    expect(await two.client.signOut()).toEqual({ kind: 'signed-out', kept: 0 })
    await until(() => expect(one.client.status.get().connection).toBe('offline'))
  })
})

test('a tab that is granted the lock while it closes lets go of it at once', async () => {
  let grant: () => unknown = () => undefined
  const locks = {
    request: (_name: string, _options: LockOptions, callback: () => unknown) => {
      grant = callback
      return new Promise(() => undefined)
    },
  } as unknown as LockManager
  let led = false
  const tabs = openTabs({
    name: 'shop',
    platform: { locks, channel: () => undefined, now: () => 0, setTimer: () => () => undefined },
    claim: () => Promise.resolve(1),
    onLead: () => (led = true),
    onFollow: () => undefined,
    onMessage: () => undefined,
    onTrouble: (error) => {
      throw error
    },
  })
  tabs.close()
  await grant()
  expect(led).toBe(false)
})
