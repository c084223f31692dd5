import { afterEach, describe, expect, test, vi } from 'vitest'
import { createClient } from './create-client.ts'
import { LOADING } from './live.ts'
import { createTestBrowser, type TestBrowser, type TestTab } from './test-support/browser.ts'
import { createMemorySyncServer, type Faults, type MemorySyncServer, type ServerLink } from './test-support/memory-sync-server.ts'
import { ann, bob, Order, OrderList, shop, SkuTotals } from './test-support/shop-domain.ts'
import type { TidemarkClient } from './tidemark-client.ts'

const opened: TidemarkClient[] = []
afterEach(async () => {
  for (const client of opened.splice(0)) await client.close()
})

interface Device {
  readonly client: TidemarkClient
  readonly link: ServerLink
  readonly tab: TestTab
}

async function open(server: MemorySyncServer, browser: TestBrowser = createTestBrowser(), faults: Partial<Faults> = {}, who = ann): Promise<Device> {
  const tab = browser.tab()
  const link = server.connect(who, { faults })
  const client = await createClient({ domain: shop, principal: who, transport: link, platform: tab.platform })
  opened.push(client)
  return { client, link, tab }
}

const until = <T>(check: () => T): Promise<T> => vi.waitFor(check, { timeout: 3_000, interval: 2 })
const isLive = ({ client }: Device) => until(() => expect(client.status.get().connection).toBe('live'))

describe('dispatch', () => {
  test('shows a command on a new stream in the same frame and stores it', async () => {
    const { client } = await open(createMemorySyncServer(shop), createTestBrowser(), { offline: true })
    const stream = client.newStream(Order)
    const rows = client.rows(OrderList, { index: 'recent' })
    rows.subscribe(() => undefined)
    await until(() => expect(rows.get().status).toBe('ready'))
    const result = client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
    expect(rows.get().rows).toMatchObject([{ key: stream, pending: 1, row: { customer: 'Eve' } }])
    expect(await result).toMatchObject({ kind: 'stored', stream, queued: false })
    expect(client.pending.get()).toMatchObject([{ type: 'order.place', stream }])
  })

  test('a command reaches the server and its row comes back confirmed', async () => {
    const server = createMemorySyncServer(shop)
    const { client } = await open(server)
    const stream = client.newStream(Order)
    const row = client.row(OrderList, stream)
    row.subscribe(() => undefined)
    await client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
    await until(() => expect(row.get()).toMatchObject({ pending: 0, row: { customer: 'Eve' } }))
    expect(client.pending.get()).toEqual([])
    expect(server.events(stream)).toHaveLength(1)
    expect(client.status.get()).toMatchObject({ connection: 'live', pending: 0, initial: 'done' })
  })

  test('a row that nobody has is known to be absent', async () => {
    const { client } = await open(createMemorySyncServer(shop))
    const row = client.row(SkuTotals, 'nothing')
    expect(row.get()).toBe(LOADING)
    await until(() => expect(row.get()).toBeUndefined())
    expect(bob.id).toBe('bob')
    expect(await isLive({ client } as Device)).toBeUndefined()
  })
})
