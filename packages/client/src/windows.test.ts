import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { goOffline, openDevice, until, untilLive } from './test-support/device.ts'
import { createMemorySyncServer, type MemorySyncServer } from './test-support/memory-sync-server.ts'
import { bob, Order, OrderList, shop, SkuTotals } from './test-support/shop-domain.ts'
import { sortKeyOf, compareKeys, type IndexKey } from './index-keys.ts'
import { createWindowView, type Overlaid, type Scan } from './window-view.ts'
import type { RowQuery, SyncedRow } from './tidemark-client.ts'

interface Total {
  readonly sku: string
  readonly quantity: number
}

const totalOf = (sku: string, quantity: number): SyncedRow<Total> => ({
  key: sku,
  row: { sku, quantity },
  pending: 1,
  attention: false,
  stale: false,
})

const sku = fc.integer({ min: 0, max: 30 }).map((n) => `s${n}`)
const quantity = fc.integer({ min: 0, max: 9 })
const change = fc.record({
  kind: fc.constantFrom(
    'confirm' as const,
    'remove' as const,
    'overlay' as const,
    'overlay-removed' as const,
    'settle' as const,
  ),
  sku,
  quantity,
})

describe('a live list', () => {
  test('kept up change by change shows what a query over everything would, as far as it was read', () => {
    fc.assert(
      fc.property(
        fc.dictionary(sku, quantity),
        fc.array(change, { maxLength: 40 }),
        fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }),
        fc.constantFrom<RowQuery<Total>>(
          { index: 'most' },
          {},
          { index: 'most', filter: (row) => row.quantity % 2 === 0 },
          { index: 'most', where: { quantity: 3 } },
        ),
        fc.integer({ min: 1, max: 20 }),
        (start, changes, limit, query, read) => {
          const asked = { ...query, ...(limit === undefined ? {} : { limit }) }
          const confirmed = new Map(Object.entries(start))
          const overlaid = new Map<string, SyncedRow<Total> | 'removed'>()
          const look: Overlaid = (key) => overlaid.get(key) ?? null
          const view = createWindowView(SkuTotals, asked as RowQuery<unknown>, {})
          const at = (key: string, amount: number): IndexKey =>
            sortKeyOf(SkuTotals, asked.index, key, { sku: key, quantity: amount })
          const all = [...confirmed]
            .filter(([key, amount]) => view.matches({ sku: key, quantity: amount }))
            .sort((a, b) => compareKeys(at(...a), at(...b)))
          const taken = limit === undefined ? all : all.slice(0, Math.max(limit, read))
          const last = taken.at(-1)
          const boundary = taken.length === all.length || last === undefined ? null : at(...last)
          const scan: Scan = {
            rows: taken.map(([key, amount]) => ({ ...totalOf(key, amount), pending: 0 })),
            boundary,
          }
          view.load(scan, look, overlaid.keys())
          for (const { kind, sku: key, quantity: amount } of changes) {
            if (kind === 'confirm') confirmed.set(key, amount)
            if (kind === 'remove') confirmed.delete(key)
            if (kind === 'overlay') overlaid.set(key, totalOf(key, amount))
            if (kind === 'overlay-removed') overlaid.set(key, 'removed')
            if (kind === 'settle') overlaid.delete(key)
            const now = confirmed.get(key)
            const isRow = kind === 'confirm' || kind === 'remove'
            view.update(
              key,
              isRow ? (now === undefined ? null : { ...totalOf(key, now), pending: 0 }) : undefined,
              look,
            )
          }
          const truth = [...new Set([...confirmed.keys(), ...overlaid.keys()])]
            .flatMap((key): [string, number][] => {
              const over = overlaid.get(key)
              if (over === 'removed') return []
              const amount = over?.row.quantity ?? confirmed.get(key)
              return amount === undefined ? [] : [[key, amount]]
            })
            .filter(([key, amount]) => view.matches({ sku: key, quantity: amount }))
            .sort((a, b) => compareKeys(at(...a), at(...b)))
          const shown = view.live.get()
          const expected = truth.filter(
            ([key, amount]) => boundary === null || compareKeys(at(key, amount), boundary) <= 0,
          )
          const cut = limit === undefined ? expected : expected.slice(0, limit)
          expect(shown.rows.map((row) => [row.key, (row.row as Total).quantity])).toEqual(cut)
          if (boundary === null) expect([shown.total, shown.more]).toEqual([truth.length, truth.length > cut.length])
          else expect(view.short).toBe(limit !== undefined && expected.length < limit)
        },
      ),
      { numRuns: 300 },
    )
  })

  test('a change elsewhere leaves the snapshot and its rows the very same objects', () => {
    const view = createWindowView(SkuTotals, { index: 'most', where: { quantity: 3 } } as RowQuery<unknown>, {})
    view.load({ rows: [totalOf('a', 3)], boundary: null }, () => null, [])
    const before = view.live.get()
    view.update('b', totalOf('b', 4), () => null)
    expect(view.live.get()).toBe(before)
    view.update('a', totalOf('a', 3), () => null)
    expect(view.live.get()).toBe(before)
  })
})

function fill(server: MemorySyncServer, orders: number): void {
  for (let i = 0; i < orders; i++) {
    const stream = `order/${String(i).padStart(3, '0')}`
    server.act(bob, { type: 'order.place', stream, input: { customer: `c${i % 3}` } })
    server.act(bob, { type: 'order.addLine', stream, input: { sku: `s${i}`, quantity: i } })
  }
}

describe('a live list of a client', () => {
  test('reads only as much of its index as it shows, and more when rows leave it', async () => {
    const server = createMemorySyncServer(shop)
    fill(server, 80)
    const device = await openDevice(server)
    await untilLive(device)
    const list = device.client.rows(SkuTotals, { index: 'most', limit: 3 })
    list.subscribe(() => undefined)
    await until(() => expect(list.get().rows.map((row) => row.row.quantity)).toEqual([79, 78, 77]))
    expect(list.get()).toMatchObject({ more: true })
    expect(list.get().total).toBeUndefined()
    const all = device.client.rows(SkuTotals, { index: 'most' })
    await until(() => expect(all.get()).toMatchObject({ status: 'ready', total: 80, more: false }))
  })

  test('looks up what leads its index, compares the rest, and mixes orders', async () => {
    const server = createMemorySyncServer(shop)
    fill(server, 12)
    server.act(bob, { type: 'order.ship', stream: 'order/004', input: {} })
    server.act(bob, { type: 'order.ship', stream: 'order/009', input: {} })
    const device = await openDevice(server)
    await untilLive(device)
    const shipped = device.client.rows(OrderList, { index: 'byStatus', where: { status: 'shipped' } })
    await until(() => expect(shipped.get().rows.map((row) => row.row.quantity)).toEqual([9, 4]))
    const both = device.client.rows(OrderList, {
      index: 'byStatus',
      where: { status: 'open', customer: 'c1' },
      limit: 2,
    })
    await until(() => expect(both.get().rows.map((row) => row.row.quantity)).toEqual([10, 7]))
  })

  test('of more rows than one read brings filters through all of them', async () => {
    const server = createMemorySyncServer(shop, { pageRows: 2_000 })
    for (let i = 0; i < 1_200; i++) {
      server.act(bob, {
        type: 'order.place',
        stream: `order/${String(i).padStart(4, '0')}`,
        input: { customer: i % 400 === 399 ? 'rare' : 'c' },
      })
    }
    const device = await openDevice(server)
    await untilLive(device)
    const rare = device.client.rows(OrderList, { filter: isRare, limit: 2 })
    await until(() => expect(rare.get().rows.map((row) => row.key)).toEqual(['order/0399', 'order/0799']))
    const all = device.client.rows(OrderList, { filter: isRare })
    await until(() => expect(all.get()).toMatchObject({ total: 3 }))
  })

  test('shows a pending change of a row on screen in the same frame, also where the row belongs to no stream', async () => {
    const server = createMemorySyncServer(shop)
    fill(server, 3)
    const device = await openDevice(server)
    await untilLive(device)
    const totals = device.client.rows(SkuTotals)
    totals.subscribe(() => undefined)
    const state = device.client.state(Order, 'order/001')
    await until(() => expect([totals.get().rows.length, state.get()?.version]).toEqual([3, 2]))
    const stored = device.client.dispatch(Order.commands.addLine, {
      stream: 'order/001',
      input: { sku: 's2', quantity: 40 },
    })
    expect(totals.get().rows.map((row) => [row.key, row.row.quantity, row.pending])).toEqual([
      ['s0', 0, 0],
      ['s1', 1, 0],
      ['s2', 42, 1],
    ])
    await stored
  })

  test('equal queries share one list; it follows pending work and pages alike', async () => {
    const server = createMemorySyncServer(shop)
    const device = await openDevice(server)
    await untilLive(device)
    const { client } = device
    expect(client.rows(OrderList, { index: 'recent', where: {}, limit: 5 })).toBe(
      client.rows(OrderList, { index: 'recent', limit: 5 }),
    )
    const open = client.rows(OrderList, { index: 'byStatus', where: { status: 'open' } })
    open.subscribe(() => undefined)
    await until(() => expect(open.get().status).toBe('ready'))
    goOffline(device)
    const stream = client.newStream(Order)
    await client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
    expect(open.get()).toMatchObject({ total: 1 })
    await client.dispatch(Order.commands.ship, { stream, input: {} })
    expect(open.get()).toMatchObject({ total: 0, rows: [] })
  })
})

const isRare = (row: { readonly customer: string }): boolean => row.customer === 'rare'
