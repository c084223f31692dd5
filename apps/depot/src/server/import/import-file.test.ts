import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readEvent, type DomainEvent, type EventStore } from '@tidemark/core'
import { createMemoryStore } from '@tidemark/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { depot, OrderList, StockList, type OrderRow, type StockRow } from '../../domain/index.ts'
import { importFile } from './import-file.ts'
import { createImportTarget } from './import-target.ts'

const DECEMBER = fileURLToPath(new URL('../../../data/online-retail-2010-12.csv', import.meta.url))
const folder = await mkdtemp(join(tmpdir(), 'depot-import-'))
afterAll(() => rm(folder, { recursive: true }))

const run = async (store: EventStore, path: string) =>
  importFile({ path, tenant: 'harbour', target: createImportTarget(store) })

/** The rows a client would have, from the whole log. */
async function rowsOf<Row>(
  store: EventStore,
  list: { fold(row: Row | undefined, event: DomainEvent): Row | undefined; types: ReadonlySet<string> },
) {
  const rows = new Map<string, Row>()
  const stored = await store.readLane({ lane: await store.laneOf('harbour'), after: 0, limit: 1_000_000 })
  for (const one of stored) {
    const read = readEvent(depot, one)
    if (read.kind !== 'event') throw new Error(JSON.stringify(read))
    if (!list.types.has(read.event.type)) continue
    const row = list.fold(rows.get(one.stream), read.event)
    if (row !== undefined) rows.set(one.stream, row)
  }
  return [...rows.values()]
}

describe('importing the December file through the pipeline', { timeout: 60_000 }, () => {
  const store = createMemoryStore()
  let first: Awaited<ReturnType<typeof run>>
  beforeAll(async () => {
    first = await run(store, DECEMBER)
  }, 120_000)

  it('takes every command of it', async () => {
    const { result, plan } = first
    expect(result).toMatchObject({
      lines: 10_000,
      commands: plan.commands.length,
      accepted: plan.commands.length,
      duplicates: 0,
      refused: {},
      dirty: { not_a_product: 38 },
      streams: new Set(plan.commands.map(({ stream }) => stream)).size,
      events: plan.commands.length,
    })
    expect(await store.head(await store.laneOf('harbour'))).toBe(result.events)
  })

  it('leads to the sums that the file’s own columns give', async () => {
    const orders = await rowsOf<OrderRow>(store, OrderList)
    const sold = (await columns()).filter(
      (f) => Number(f[3]) > 0 && !/^[A-Z]/.test(f[1] ?? '') && (Number(f[5]) > 0 || f[6] !== ''),
    )
    expect(new Set(orders.map(({ number }) => number))).toEqual(new Set(sold.map((f) => f[0])))
    // What was sold is there, or came back, or was taken off on the day it was ordered: then the order was still open.
    const takenOff = (await columns()).filter(
      (c) =>
        c[0]?.startsWith('C') &&
        sold.some(
          (f) =>
            f[6] === c[6] && f[1] === c[1] && f[4]?.slice(0, 10) === c[4]?.slice(0, 10) && (f[4] ?? '') < (c[4] ?? ''),
        ),
    )
    const pieces = [...sold, ...takenOff].reduce((sum, f) => sum + Number(f[3]), 0)
    expect(takenOff.length).toBe(3)
    expect(orders.reduce((sum, row) => sum + row.units + row.returned, 0)).toBe(pieces)
    const untouched = orders.filter(({ number }) => number === '536876')
    expect(untouched).toMatchObject([
      {
        lines: sold.filter((f) => f[0] === '536876').length,
        total: sold
          .filter((f) => f[0] === '536876')
          .reduce((sum, f) => sum + Number(f[3]) * Math.round(Number(f[5]) * 100), 0),
      },
    ])
  })

  it('keeps the file’s times and its open orders', async () => {
    const orders = await rowsOf<OrderRow>(store, OrderList)
    const first = orders.find(({ number }) => number === '536365')
    expect(first).toMatchObject({ status: 'shipped', placedAt: '2010-12-01T08:26:00.000Z', customer: 'Customer 17850' })
    const open = orders.filter(({ status }) => status === 'open')
    expect(open.every(({ placedAt }) => placedAt.startsWith('2010-12-05'))).toBe(true)
    expect(open.length).toBeGreaterThan(50)
  })

  it('leaves no product below zero', async () => {
    const stock = await rowsOf<StockRow>(store, StockList)
    expect(stock.filter(({ onHand, free }) => onHand < 0 || free < 0)).toEqual([])
  })

  it('changes nothing the second time', async () => {
    const { result } = await run(store, DECEMBER)
    expect(result).toMatchObject({ accepted: 0, duplicates: first.result.commands, refused: {}, streams: 0, events: 0 })
    expect(await store.head(await store.laneOf('harbour'))).toBe(first.result.events)
  })
})

describe('importing a file that has grown', () => {
  it('adds what is new', async () => {
    const store = createMemoryStore()
    const lines = (await readFile(DECEMBER, 'utf8')).split('\n')
    const path = join(folder, 'grown.csv')
    await writeFile(path, lines.slice(0, 200).join('\n'))
    const before = await run(store, path)
    await writeFile(path, lines.slice(0, 400).join('\n'))
    const after = await run(store, path)
    expect(before.result.refused).toEqual({})
    // Products need more stock than the shorter file said: that one command per product is not repeated as another.
    expect(Object.keys(after.result.refused)).toEqual(['command_reused'])
    expect(after.refused.every(({ type }) => type === 'product.receive')).toBe(true)
    expect(after.result.accepted).toBeGreaterThan(150)
  })
})

describe('importing into a house that is in use', () => {
  it('leaves to a person what somebody changed meanwhile', async () => {
    const store = createMemoryStore()
    const path = join(folder, 'day.csv')
    const header = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country'
    const sale = '7001,71053,LANTERN,6,2010-12-01T09:00:00,3.39,17850,EIRE'
    await writeFile(path, [header, sale].join('\n'))
    const { plan } = await run(store, path)
    const added = plan.commands.find(({ type }) => type === 'order.addLine')
    const target = createImportTarget(store)
    const ada = { id: 'ada', tenant: 'harbour', name: 'Ada', roles: ['manager'] }
    const cancel = {
      id: '0197b000-0000-7000-8000-000000000001',
      type: 'order.cancel',
      schema: 1,
      input: { reason: 'by phone' },
    }
    const at = { occurredAt: '2010-12-01T10:00:00.000Z', base: null, stream: added?.stream ?? '' }
    await target.push(ada, '0197b000-0000-7000-8000-000000000002', [{ ...cancel, ...at }])
    await writeFile(path, [header, sale, 'C7002,71053,LANTERN,-2,2010-12-01T11:00:00,3.39,17850,EIRE'].join('\n'))
    const { result, refused } = await run(store, path)
    expect(result).toMatchObject({ accepted: 0, duplicates: 4, refused: { not_open: 1 }, events: 0 })
    expect(refused).toEqual([{ type: 'order.changeQuantity', reason: 'not_open', lines: [3] }])
  })
})

async function columns(): Promise<string[][]> {
  const text = await readFile(DECEMBER, 'utf8')
  return text
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => line.split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/))
}
