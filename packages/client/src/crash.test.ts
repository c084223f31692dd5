import { IDBDatabase } from 'fake-indexeddb'
import * as fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { createTestBrowser } from './test-support/browser.ts'
import { goOffline, goOnline, openDevice, until, untilQuiet, type Device } from './test-support/device.ts'
import { createMemorySyncServer } from './test-support/memory-sync-server.ts'
import { bob, Order, OrderList, shop, SkuTotals } from './test-support/shop-domain.ts'
import type { DispatchResult, TidemarkClient } from './tidemark-client.ts'

/** From the `after`th write transaction on, storage does nothing any more: what a killed process leaves behind. */
function killWritesAfter(after: number): void {
  const { transaction } = IDBDatabase.prototype
  let writes = 0
  vi.spyOn(IDBDatabase.prototype, 'transaction').mockImplementation(function (this: IDBDatabase, ...args) {
    if (args[1] === 'readwrite' && ++writes > after) throw new DOMException('The process was killed.', 'AbortError')
    return transaction.apply(this, args)
  })
}

describe('a crash', () => {
  test('between any two writes loses nothing that was reported as stored, and repeats nothing', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    for (let after = 1; after <= 14; after++) {
      const server = createMemorySyncServer(shop)
      const browser = createTestBrowser()
      const doomed = await openDevice(server, { browser })
      const stored: string[] = []
      killWritesAfter(after)
      const stream = doomed.client.newStream(Order)
      const placed = await doomed.client.dispatch(Order.commands.place, { stream, input: { customer: 'Eve' } })
      if (placed.kind === 'stored') stored.push('order.placed')
      for (let quantity = 1; quantity <= 3; quantity++) {
        const added = await doomed.client.dispatch(Order.commands.addLine, { stream, input: { sku: 'cup', quantity } })
        if (added.kind === 'stored') stored.push('order.lineAdded')
      }
      doomed.tab.kill()
      vi.restoreAllMocks()
      vi.spyOn(console, 'error').mockImplementation(() => undefined)

      const survivor = await openDevice(server, { browser })
      await untilQuiet(survivor)
      await until(() => expect(survivor.client.status.get().connection).toBe('live'))
      expect(server.events(stream).map((event) => event.type)).toEqual(stored)
      const state = survivor.client.state(Order, stream)
      if (stored.length > 0)
        await until(() => expect(state.get()).toMatchObject({ version: stored.length, pending: 0 }))
      await survivor.client.close()
    }
  })
})

const act = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('line' as const),
      device: fc.nat(2),
      order: fc.nat(2),
      quantity: fc.integer({ min: 1, max: 5 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('ship' as const), device: fc.nat(2), order: fc.nat(2) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('note' as const),
      device: fc.nat(2),
      order: fc.nat(2),
      note: fc.constantFrom('a', 'b', 'c'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('offline' as const, 'online' as const, 'lose' as const, 'time' as const),
      device: fc.nat(2),
    }),
  },
)

type Edit =
  | { readonly kind: 'line'; readonly quantity: number }
  | { readonly kind: 'ship' }
  | { readonly kind: 'note'; readonly note: string }

function perform(client: TidemarkClient, stream: string, edit: Edit): Promise<DispatchResult> {
  switch (edit.kind) {
    case 'line':
      return client.dispatch(Order.commands.addLine, { stream, input: { sku: 'cup', quantity: edit.quantity } })
    case 'ship':
      return client.dispatch(Order.commands.ship, { stream, input: {} })
    case 'note':
      return client.dispatch(Order.commands.setNote, { stream, input: { note: edit.note } })
  }
}

describe('devices that work apart, with a network that fails', () => {
  test('end with the rows of the server, each command applied once or waiting for a person', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 25 }), async (acts) => {
        const server = createMemorySyncServer(shop)
        const orders = ['order/a', 'order/b', 'order/c']
        for (const stream of orders) server.act(bob, { type: 'order.place', stream, input: { customer: stream } })
        // The last two are tabs of one browser.
        const shared = createTestBrowser()
        const devices: Device[] = [
          await openDevice(server),
          await openDevice(server, { browser: shared }),
          await openDevice(server, { browser: shared }),
        ]
        const stored = new Set<string>()
        for (const each of acts) {
          const device = devices[each.device] as Device
          const { client, link, browser } = device
          switch (each.kind) {
            case 'offline':
              goOffline(device)
              break
            case 'online':
              goOnline(device)
              break
            case 'lose':
              link.faults.loseReplies = !link.faults.loseReplies
              break
            case 'time':
              browser.advance(1_000)
              break
            case 'line':
            case 'ship':
            case 'note': {
              const result = await perform(client, orders[each.order] as string, each)
              if (result.kind === 'stored') stored.add(result.commandId)
            }
          }
        }
        for (const device of devices) {
          device.link.faults.loseReplies = false
          goOnline(device)
        }
        await until(() => {
          for (const { client, browser } of devices) {
            browser.advance(1_000)
            // A stream that waits for a person keeps what is behind it; everything else is settled.
            expect(client.pending.get().every((command) => ['set-aside', 'blocked'].includes(command.state))).toBe(true)
            expect(client.status.get().connection).toBe('live')
          }
        })
        for (const { client } of devices) {
          const held = new Set(client.pending.get().map((command) => command.stream))
          const rows = client.rows(OrderList)
          await until(() => expect(rows.get().status).toBe('ready'))
          for (const row of rows.get().rows) {
            if (!held.has(row.key))
              expect(row).toMatchObject({ pending: 0, row: server.rows('order-list').get(row.key) })
          }
          if (held.size === 0) {
            const totals = client.rows(SkuTotals)
            await until(() =>
              expect(totals.get().rows.map((row) => row.row)).toEqual([...server.rows('sku-totals').values()]),
            )
          }
        }
        // Every stored command is in the log once, or waits for a person on its device.
        const events = orders.flatMap((stream) => server.events(stream))
        expect(new Set(events.map((event) => event.id)).size).toBe(events.length)
        const waiting = new Set(devices.flatMap(({ client }) => client.pending.get().map((command) => command.id)))
        expect(events.length - orders.length).toBe([...stored].filter((id) => !waiting.has(id)).length)
        for (const { client } of devices) await client.close()
      }),
      { numRuns: 12 },
    )
  }, 60_000)
})
