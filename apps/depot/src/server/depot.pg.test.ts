import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createIdGenerator, PROTOCOL_VERSION, TENANT_SCOPE, type Json, type StreamId } from '@tidemark/core'
import { openStore } from '@tidemark/store'
import { testDatabase, type TestDatabase } from '@tidemark/testing/postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Order, OrderList, StockList, type OrderRow } from '../domain/index.ts'
import { createDepot, type Depot } from './create-depot.ts'
import { loadDemo } from './demo/load-demo.ts'
import { ORDERS_FROM_BEFORE } from './demo/orders-from-before.ts'
import { importFile } from './import/import-file.ts'
import { createImportTarget } from './import/import-target.ts'
import { DEVICE, openTestDepot, silent, type TestDepot } from './test-depot.ts'

let database: TestDatabase
let opened: TestDepot
let depot: Depot

beforeAll(async () => {
  database = await testDatabase()
  opened = await openTestDepot(database.url)
  depot = opened.depot
  await loadDemo({ store: depot.store, logger: silent })
  expect(await depot.caughtUp('harbour', 150_000)).toBe(true)
}, 240_000)

afterAll(async () => {
  await opened.close()
  await database.drop()
})

interface Reply {
  readonly result: {
    readonly data: { rows: { projection: string; row: unknown }[]; cursor: string; complete: boolean }
  }
}

/** All order rows that a new device of this person gets. */
async function pullOrders(token: string): Promise<OrderRow[]> {
  const orders: OrderRow[] = []
  let cursor: string | null = null
  for (;;) {
    const request: object = {
      protocol: PROTOCOL_VERSION,
      device: DEVICE,
      cursor,
      projections: { 'order-list': OrderList.version },
      awaiting: [],
      limit: 2_000,
    }
    const { data }: Reply['result'] = ((await opened.call('/trpc/sync.pull', request, token)) as Reply).result
    orders.push(...data.rows.map(({ row }) => row as OrderRow))
    if (data.complete) return orders
    cursor = data.cursor
  }
}

describe('the demo data', () => {
  it('gives each house its own orders and no other', async () => {
    const [harbour, meadow] = await Promise.all(
      [opened.signIn('harbour', 'ada'), opened.signIn('meadow', 'finn')].map(async (token) => pullOrders(await token)),
    )
    expect(meadow?.map(({ number }) => number).sort()).toEqual(['M-1001', 'M-1002', 'M-1003'])
    expect(harbour?.length).toBeGreaterThan(400)
    expect(harbour?.some(({ number }) => number.startsWith('M-'))).toBe(false)
  }, 60_000)

  it('holds the events of the release before, which are read as today’s', async () => {
    const rows = await pullOrders(await opened.signIn('harbour', 'cleo'))
    for (const { number, customerName } of ORDERS_FROM_BEFORE) {
      expect(rows.find((row) => row.number === number)?.customer).toBe(customerName)
    }
    const stored = await depot.store.readLane({ lane: 0, after: 0, limit: 200, types: ['order.placed'] })
    const old = stored.filter(({ schema }) => schema === 1)
    expect(old).toHaveLength(ORDERS_FROM_BEFORE.length)
    expect(old.every(({ data }) => 'customerName' in (data as object))).toBe(true)
    expect(rows.find(({ number }) => number === '535971')).toMatchObject({ status: 'shipped', returned: 6, units: 0 })
  }, 60_000)

  it('is loaded once', async () => {
    const head = await depot.store.head(0)
    expect(await loadDemo({ store: depot.store, logger: silent })).toBe('known')
    expect(await depot.store.head(0)).toBe(head)
  })
})

describe('an import beside the running app', () => {
  it('shows up in the app, and the second time as nothing', async () => {
    const path = join(opened.directory, 'today.csv')
    await writeFile(
      path,
      'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n' +
        '900001,71053,WHITE METAL LANTERN,6,2010-12-06T09:00:00,3.39,17850,EIRE\n' +
        '900001,POST,POSTAGE,1,2010-12-06T09:00:00,18,17850,EIRE\n',
    )
    const run = async () => {
      const store = await openStore({ url: database.url })
      try {
        return await importFile({ path, tenant: 'harbour', target: createImportTarget(store, silent) })
      } finally {
        await store.close()
      }
    }
    const { result, refused } = await run()
    expect(result).toMatchObject({
      lines: 2,
      accepted: 3,
      dirty: { not_a_product: 1 },
      refused: { already_registered: 1 },
    })
    expect(refused[0]?.lines).toEqual([2])
    expect(await depot.caughtUp('harbour', 10_000)).toBe(true)
    const rows = await pullOrders(await opened.signIn('harbour', 'ben'))
    expect(rows.find(({ number }) => number === '900001')).toMatchObject({ total: 6 * 339, status: 'open' })
    expect((await run()).result).toMatchObject({
      accepted: 0,
      duplicates: 3,
      refused: { already_registered: 1 },
      events: 0,
    })
  }, 60_000)
})

describe('a command of the demo’s people', () => {
  it('is taken on an order of the release before', async () => {
    const stored = await depot.store.readLane({ lane: 0, after: 0, limit: 200, types: ['order.placed'] })
    const open = stored.find(({ data }) => (data as { number: string }).number === '536058')
    const answer = await opened.push(await opened.signIn('harbour', 'ben'), {
      id: '0197b000-0000-7000-8000-0000000000c0',
      type: Order.commands.setNote.type,
      schema: 1,
      stream: open?.stream as StreamId,
      input: { note: 'The second set has come.' },
      occurredAt: new Date().toISOString(),
      base: { version: 3, after: null },
    })
    expect(answer).toMatchObject({ kind: 'accepted', version: 4, rebased: false })
  })
})

describe('stock', () => {
  const newId = createIdGenerator({ now: Date.now, random: (bytes) => void crypto.getRandomValues(bytes) })

  /** Has a command taken and waits until the stock has followed and the lists show it. */
  async function say(type: string, stream: StreamId, input: Json): Promise<void> {
    const command = { id: newId(), type, schema: 1, stream, input, occurredAt: new Date().toISOString(), base: null }
    expect(await opened.push(await opened.signIn('harbour', 'ada'), command)).toMatchObject({ kind: 'accepted' })
    await followed()
  }

  async function followed(): Promise<void> {
    const lane = await depot.store.laneOf('harbour')
    const place = { lane, position: await depot.store.head(lane) }
    expect(await depot.reactions.waitFor('reserve-stock', place, 20_000)).toEqual({ kind: 'reached' })
    expect(await depot.caughtUp('harbour', 20_000)).toBe(true)
  }

  async function rowOf(projection: string, key: string): Promise<unknown> {
    const lane = await depot.store.laneOf('harbour')
    const rows = { kind: 'keys' as const, keys: [key] }
    const read = await depot.projections.readRows({ tenant: 'harbour', lane, scopes: [TENANT_SCOPE], projection, rows })
    return read.kind === 'rows' ? read.rows[0]?.row : undefined
  }

  it('was reserved by none of the demo’s orders', async () => {
    await followed()
    const { length } = await depot.store.sql().query("select from tidemark.events where principal like 'reaction:%'")
    expect(length).toBe(0)
    expect(await depot.reactions.lag()).toMatchObject([{ reaction: 'reserve-stock', events: 0, parked: 0 }])
  })

  it('follows an order from its first line to its shipment', async () => {
    const order = Order.stream(newId())
    const line = (quantity: number) => ({ product: 'DEPOT-T', description: 'LAMP', quantity, unitPrice: 100 })
    const stock = () => rowOf(StockList.name, 'product/DEPOT-T')
    await say('product.receive', 'product/DEPOT-T', { quantity: 10, reference: '' })
    await say('order.place', order, { number: 'T-1', customer: { firstName: '', lastName: 'Doe' } })
    await say('order.addLine', order, line(6))
    expect(await stock()).toMatchObject({ onHand: 10, reserved: 6, free: 4 })
    await say('order.addLine', order, line(5))
    expect(await stock()).toMatchObject({ reserved: 6, free: 4 })
    expect(await rowOf(OrderList.name, order)).toMatchObject({ lines: 2, short: [expect.any(String)] })
    const [short] = ((await rowOf(OrderList.name, order)) as OrderRow).short
    await say('order.changeQuantity', order, { line: short ?? null, quantity: 4 })
    expect(await stock()).toMatchObject({ reserved: 10, free: 0 })
    expect(await rowOf(OrderList.name, order)).toMatchObject({ short: [] })
    await say('order.ship', order, { carrier: 'DPD' })
    expect(await stock()).toMatchObject({ onHand: 0, reserved: 0, free: 0 })
  })

  it('goes back when an order is cancelled, and can then be asked for', async () => {
    const orders = [Order.stream(newId()), Order.stream(newId())] as const
    await say('product.receive', 'product/DEPOT-U', { quantity: 5, reference: '' })
    for (const order of orders) {
      await say('order.place', order, { number: 'T-2', customer: { firstName: '', lastName: 'Doe' } })
      await say('order.addLine', order, { product: 'DEPOT-U', description: '', quantity: 4, unitPrice: 100 })
    }
    const [waiting] = ((await rowOf(OrderList.name, orders[1])) as OrderRow).short
    await say('order.cancel', orders[0], { reason: '' })
    expect(await rowOf(StockList.name, 'product/DEPOT-U')).toMatchObject({ reserved: 0, free: 5 })
    await say('order.askForStock', orders[1], { line: waiting ?? null })
    expect(await rowOf(StockList.name, 'product/DEPOT-U')).toMatchObject({ reserved: 4, free: 1 })
    expect(await rowOf(OrderList.name, orders[1])).toMatchObject({ short: [] })
  })
})

describe('the keys', () => {
  it('are their owner’s only, and the same after a restart', async () => {
    const keys = join(opened.directory, 'keys')
    for (const name of ['seal-key', 'dev-issuer-key.json']) {
      expect((await stat(join(keys, name))).mode & 0o077).toBe(0)
    }
    const token = await opened.signIn('harbour', 'ada')
    const again = await createDepot({ databaseUrl: database.url, directory: opened.directory, logger: silent })
    expect(await again.issuer.verifier(`Bearer ${token}`)).toMatchObject({
      kind: 'principal',
      principal: { id: 'ada' },
    })
    await again.close()
  })
})
