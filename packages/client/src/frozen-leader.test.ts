import { describe, expect, test, vi } from 'vitest'
import { SILENCE } from './leader-watch.ts'
import { createTestBrowser, type TestBrowser } from './test-support/browser.ts'
import { openDevice, until, untilLive, untilQuiet, type Device } from './test-support/device.ts'
import { createMemorySyncServer, type MemorySyncServer } from './test-support/memory-sync-server.ts'
import { bob, Order, OrderList, shop } from './test-support/shop-domain.ts'

/** A leading tab that is live, and one that follows it. */
async function openTwo(): Promise<{
  readonly server: MemorySyncServer
  readonly browser: TestBrowser
  readonly one: Device
  readonly two: Device
}> {
  const server = createMemorySyncServer(shop)
  const browser = createTestBrowser()
  const one = await openDevice(server, { browser })
  await untilLive(one)
  const two = await openDevice(server, { browser })
  await until(() => expect(two.client.status.get()).toMatchObject({ connection: 'live', leader: false }))
  return { server, browser, one, two }
}

async function untilLeader({ client }: Device, leader: boolean): Promise<void> {
  await until(() => expect(client.status.get().leader).toBe(leader))
}

/** Lets the leader be silent for as long as it takes. */
async function takeOver(browser: TestBrowser, heir: Device): Promise<void> {
  browser.advance(SILENCE + 2_500)
  await untilLeader(heir, true)
}

describe('a leader that is frozen', () => {
  test('is relieved after ten seconds of silence, and what waited for it is sent', async () => {
    const { server, browser, one, two } = await openTwo()
    one.tab.freeze()
    const stream = two.client.newStream(Order)
    await two.client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
    browser.advance(SILENCE - 2_500)
    expect(two.client.status.get().leader).toBe(false)
    expect(server.events(stream)).toHaveLength(0)
    browser.advance(5_000)
    await untilLeader(two, true)
    await untilQuiet(two)
    expect(server.events(stream)).toHaveLength(1)
    expect(two.client.status.get().connection).toBe('live')
    one.tab.thaw()
    await untilLeader(one, false)
    await untilQuiet(one)
  })

  test('follows when it thaws: the browser tells it that its lock is gone, and it is shown what the other sees', async () => {
    const { server, browser, one, two } = await openTwo()
    one.tab.freeze()
    browser.loseMessages = true
    await takeOver(browser, two)
    one.tab.thaw()
    await untilLeader(one, false)
    browser.loseMessages = false
    one.client.sync()
    const stream = one.client.newStream(Order)
    await one.client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
    await untilQuiet(one)
    await until(() => expect(one.client.status.get()).toMatchObject({ leader: false, pending: 0 }))
    expect(one.link.calls.push).toBe(0)
    expect(two.link.calls.push).toBe(1)
    expect(server.events(stream)).toHaveLength(1)
  })

  test('that thaws in mid-push stores none of the answers, and leaves the commands to the one that leads', async () => {
    const { server, browser, one, two } = await openTwo()
    // The server's "no" to one is on its way when one is frozen; asked by two it says yes, and no page shows it yet.
    one.link.faults.answer = { kind: 'forbidden' }
    server.hold()
    const { push } = one.link
    vi.spyOn(one.link, 'push').mockImplementationOnce((...request) => {
      one.tab.freeze()
      return push(...request)
    })
    const stream = two.client.newStream(Order)
    await two.client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
    await until(() => expect(one.link.calls.push).toBe(1))
    // Nobody tells it anything: only storage can stop it.
    browser.loseMessages = true
    await takeOver(browser, two)
    await until(() => expect(two.client.pending.get()).toMatchObject([{ state: 'answered' }]))
    one.tab.thaw('withoutLocks')
    await untilLeader(one, false)
    await until(() => {
      // Nobody tells it that the other has stored the answer: it finds it when it is looked at.
      one.tab.wake()
      expect(one.client.pending.get()).toMatchObject([{ state: 'answered' }])
    })
    expect(one.client.attention.get()).toEqual([])
    browser.loseMessages = false
    server.release()
    await untilQuiet(two)
    await untilQuiet(one)
    expect(two.client.attention.get()).toEqual([])
    expect(one.link.calls.push).toBe(1)
    expect(server.events(stream)).toHaveLength(1)
  })

  test('that thaws with a page on its way does not store it, though it continues what is stored', async () => {
    const { server, browser, one, two } = await openTwo()
    const row = one.client.row(OrderList, 'order/a')
    row.subscribe(() => undefined)
    await until(() => expect(row.get()).toBeUndefined())
    two.link.faults.offline = true
    one.tab.freeze()
    server.act(bob, { type: 'order.place', stream: 'order/a', input: { customer: 'Bob' } })
    browser.loseMessages = true
    await takeOver(browser, two)
    one.tab.thaw('withoutLocks')
    await untilLeader(one, false)
    // What a tab opened now finds is what is stored.
    const three = await openDevice(server, { browser, faults: { offline: true } })
    const stored = three.client.rows(OrderList)
    await until(() => expect(stored.get()).toMatchObject({ status: 'ready', rows: [] }))
    expect(row.get()).toBeUndefined()

    browser.loseMessages = false
    two.link.faults.offline = false
    two.tab.wake()
    await until(() => expect(row.get()).toMatchObject({ row: { customer: 'Bob' } }))
  })

  test('that thaws to new work sends nothing', async () => {
    const { server, browser, one, two } = await openTwo()
    one.tab.freeze()
    two.link.faults.offline = true
    browser.loseMessages = true
    await takeOver(browser, two)
    one.tab.thaw('withoutLocks')
    expect(one.client.status.get().leader).toBe(true)
    const stream = one.client.newStream(Order)
    expect(await one.client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })).toMatchObject({
      kind: 'stored',
    })
    await untilLeader(one, false)
    expect(one.link.calls.push).toBe(0)
    expect(one.client.pending.get()).toMatchObject([{ attempts: 0 }])
    browser.loseMessages = false
    two.link.faults.offline = false
    two.tab.wake()
    await untilQuiet(one)
    expect(server.events(stream)).toHaveLength(1)
  })

  test('that thaws learns it from the first beat it hears, without news of its lock', async () => {
    const { browser, one, two } = await openTwo()
    one.tab.freeze()
    await takeOver(browser, two)
    one.tab.thaw('withoutLocks')
    await untilLeader(one, false)
    expect(two.client.status.get().leader).toBe(true)
  })

  test('is succeeded by one tab, whoever of many was first to take it for frozen', async () => {
    const { server, browser, one, two } = await openTwo()
    const others = [two, await openDevice(server, { browser }), await openDevice(server, { browser })]
    one.tab.freeze()
    browser.advance(SILENCE + 2_500)
    one.tab.thaw()
    await until(() => {
      browser.advance(100)
      const leaders = [one, ...others].filter(({ client }) => client.status.get().leader)
      expect(leaders).toHaveLength(1)
      expect(leaders[0]?.client.status.get().connection).toBe('live')
    })
    const stream = one.client.newStream(Order)
    await one.client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
    for (const device of [one, ...others]) await untilQuiet(device)
    expect(server.events(stream)).toHaveLength(1)
  })
})

describe('a leader that is well', () => {
  test('keeps the lead for as long as it runs', async () => {
    const { browser, one, two } = await openTwo()
    browser.advance(10 * SILENCE)
    one.client.sync()
    await untilLive(one)
    expect([one, two].map(({ client }) => client.status.get().leader)).toEqual([true, false])
  })

  test('is not accused by a tab that was frozen itself', async () => {
    const { browser, one, two } = await openTwo()
    two.tab.freeze()
    browser.loseMessages = true
    browser.advance(3_600_000)
    browser.loseMessages = false
    two.tab.thaw()
    browser.advance(SILENCE - 2_500)
    await untilLive(two)
    expect([one, two].map(({ client }) => client.status.get().leader)).toEqual([true, false])
  })
})
