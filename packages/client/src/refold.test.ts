import { Dexie } from 'dexie'
import * as fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { databaseNameOf, type Tables } from './database.ts'
import { withDerived } from './derived.ts'
import { rowId, rowsTouchedBy, type RowKey } from './overlay.ts'
import { foldOver } from './overlay-record.ts'
import type { OverlayRecord, PendingRecord } from './records.ts'
import { createTestBrowser, type TestBrowser } from './test-support/browser.ts'
import { goOffline, goOnline, openDevice, until, untilLive, untilQuiet, type Device } from './test-support/device.ts'
import { createMemorySyncServer } from './test-support/memory-sync-server.ts'
import { ann, bob, Order, shop, SkuTotals } from './test-support/shop-domain.ts'

const name = databaseNameOf(shop, ann)

/** One consistent look at what is stored. */
async function look<T>(browser: TestBrowser, read: (tables: Tables) => Promise<T>): Promise<T> {
  const { platform } = browser.tab()
  const opened = new Dexie(name, { indexedDB: platform.indexedDB, IDBKeyRange: platform.keyRange, cache: 'disabled' })
  try {
    await opened.open()
    const tables = opened.tables.reduce((all, table) => ({ ...all, [table.name]: table }), {}) as Tables
    return await opened.transaction('r', opened.tables, () => read(tables))
  } finally {
    opened.close()
  }
}

/** The overlay as it is stored, and as it is when all pending commands are folded over the stored rows. */
async function overlays(browser: TestBrowser): Promise<{ readonly stored: unknown[]; readonly anew: unknown[] }> {
  return await look(browser, async (tables) => {
    const [pending, rows, stored] = await Promise.all([
      tables.pending.orderBy('seq').toArray(),
      tables.rows.toArray(),
      tables.overlay.toArray(),
    ])
    for (const command of pending) expect(withDerived(shop, command)).toBe(command)
    const base = new Map(rows.map((row) => [rowId(row.projection, row.key), row]))
    const touching = new Map<string, { readonly row: RowKey; readonly commands: PendingRecord[] }>()
    for (const command of pending) {
      for (const row of rowsTouchedBy(shop, command)) {
        const at = rowId(row.projection.name, row.key)
        const known = touching.get(at) ?? { row, commands: [] }
        known.commands.push(command)
        touching.set(at, known)
      }
    }
    const anew = [...touching].map(([at, { row, commands }]) =>
      foldOver(row, undefined, base.get(at) ?? null, commands),
    )
    return { stored: inOrder(stored), anew: inOrder(anew) }
  })
}

function inOrder(records: readonly OverlayRecord[]): OverlayRecord[] {
  return records.toSorted((a, b) => (rowId(a.projection, a.key) < rowId(b.projection, b.key) ? -1 : 1))
}

async function expectInLine(browser: TestBrowser): Promise<void> {
  const { stored, anew } = await overlays(browser)
  expect(stored).toEqual(anew)
}

const BUSY = { kind: 'retry', reason: 'overloaded', after: 1_000 } as const

const order = fc.nat(2)
const sku = fc.constantFrom('cup', 'pot')
const act = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('line' as const), order, sku }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('note' as const), order, note: fc.constantFrom('a', 'b') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('ship' as const, 'cancel' as const), order }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('place' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('their-line' as const, 'their-note' as const, 'their-ship' as const),
      order,
      sku,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('offline' as const, 'online' as const, 'lose' as const, 'busy' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('resolve' as const),
      how: fc.constantFrom('retry' as const, 'discard' as const, 'take-theirs' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('time' as const) }) },
)

const streams = ['order/a', 'order/b', 'order/c']

describe('the stored overlay', () => {
  test('is what folding all pending commands over the stored rows gives, whatever happened', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 24 }), async (acts) => {
        const server = createMemorySyncServer(shop)
        for (const stream of streams) server.act(bob, { type: 'order.place', stream, input: { customer: stream } })
        const browser = createTestBrowser()
        let device: Device = await openDevice(server, { browser })
        await untilLive(device)
        let offline = false
        for (const each of acts) {
          const { client, link } = device
          const stream = 'order' in each ? (streams[each.order] as string) : ''
          switch (each.kind) {
            case 'line':
              await client.dispatch(Order.commands.addLine, { stream, input: { sku: each.sku, quantity: 1 } })
              break
            case 'note':
              await client.dispatch(Order.commands.setNote, { stream, input: { note: each.note } })
              break
            case 'ship':
              await client.dispatch(Order.commands.ship, { stream, input: {} })
              break
            case 'cancel':
              await client.dispatch(Order.commands.cancel, { stream, input: {} })
              break
            case 'place':
              await client.dispatch(Order.commands.place, {
                stream: client.newStream(Order),
                input: { customer: 'Eve' },
              })
              break
            case 'their-line':
              server.act(bob, { type: 'order.addLine', stream, input: { sku: each.sku, quantity: 5 } })
              break
            case 'their-note':
              server.act(bob, { type: 'order.setNote', stream, input: { note: each.sku } })
              break
            case 'their-ship':
              server.act(bob, { type: 'order.ship', stream, input: {} })
              break
            case 'offline':
              goOffline(device)
              offline = true
              break
            case 'online':
              goOnline(device)
              offline = false
              break
            case 'busy':
              // Pages come, and nothing that is pending gets through.
              link.faults.answer = link.faults.answer === null ? BUSY : null
              break
            case 'lose':
              link.faults.loseReplies = !link.faults.loseReplies
              break
            case 'resolve': {
              const entry = client.attention.get()[0]
              if (entry !== undefined) await client.resolve(entry.id, { kind: each.how })
              break
            }
            case 'crash':
              device.tab.kill()
              device = await openDevice(server, { browser, faults: { offline } })
              break
            case 'time':
              browser.advance(1_000)
              break
          }
          await expectInLine(browser)
        }
        device.link.faults.loseReplies = false
        device.link.faults.answer = null
        goOnline(device)
        await until(() => {
          browser.advance(1_000)
          const left = device.client.pending.get()
          expect(left.every(({ state }) => state === 'set-aside' || state === 'blocked')).toBe(true)
          expect(device.client.status.get().connection).toBe('live')
        })
        await expectInLine(browser)
        await device.client.close()
      }),
      { numRuns: 40 },
    )
  }, 60_000)

  test('follows a row that others change, and a command that is set aside and dropped', async () => {
    const server = createMemorySyncServer(shop)
    for (const stream of streams) server.act(bob, { type: 'order.place', stream, input: { customer: stream } })
    const browser = createTestBrowser()
    const device = await openDevice(server, { browser })
    const { client, link } = device
    await untilLive(device)
    link.faults.answer = BUSY
    await client.dispatch(Order.commands.addLine, { stream: 'order/a', input: { sku: 'cup', quantity: 1 } })
    const totals = client.row(SkuTotals, 'cup')
    totals.subscribe(() => undefined)
    // Another stream, so that nothing is decided again.
    server.act(bob, { type: 'order.addLine', stream: 'order/b', input: { sku: 'cup', quantity: 5 } })
    await until(() => expect(totals.get()).toMatchObject({ row: { quantity: 6 }, pending: 1 }))
    await expectInLine(browser)
    link.faults.answer = { kind: 'forbidden' }
    browser.advance(2_000)
    await until(() => expect(client.attention.get()).toHaveLength(1))
    expect(totals.get()).toMatchObject({ row: { quantity: 5 }, attention: true })
    await expectInLine(browser)
    await client.resolve(client.attention.get()[0]?.id ?? '', { kind: 'discard' })
    expect(totals.get()).toMatchObject({ row: { quantity: 5 }, pending: 0, attention: false })
    await expectInLine(browser)
  })

  test('is empty when nothing is pending any more', async () => {
    const server = createMemorySyncServer(shop)
    const browser = createTestBrowser()
    const device = await openDevice(server, { browser })
    await untilLive(device)
    const stream = device.client.newStream(Order)
    await device.client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
    await untilQuiet(device)
    expect(await look(browser, (tables) => tables.overlay.toArray())).toEqual([])
  })
})
