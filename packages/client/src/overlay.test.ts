import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { DomainEvent } from '@tidemark/core'
import { createOverlay, foldRow, rowId, rowsOf, type OverlayCommand } from './overlay.ts'
import { shop, SkuTotals } from './test-support/shop-domain.ts'

let made = 0
function lineAdded(stream: string, sku: string, quantity: number): DomainEvent {
  made += 1
  return {
    id: `e${made}`,
    type: 'order.lineAdded',
    streamId: stream,
    version: made,
    data: { sku, quantity },
    occurredAt: '2026-01-01T00:00:00.000Z',
    principal: 'ann',
  }
}

function command(id: string, order: number, events: readonly DomainEvent[], attention = false): OverlayCommand {
  return { id, order, events: attention ? [] : events, attention, rows: rowsOf(shop, events) }
}

const step = fc.oneof(
  fc.record({
    kind: fc.constant('put' as const),
    id: fc.integer({ min: 0, max: 5 }),
    order: fc.integer({ min: 0, max: 5 }),
    skus: fc.array(fc.constantFrom('cup', 'pot', 'pan'), { maxLength: 3 }),
    attention: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('drop' as const), id: fc.integer({ min: 0, max: 5 }) }),
)

describe('the overlay', () => {
  test('kept up step by step is what folding all commands anew gives', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const overlay = createOverlay()
        const commands = new Map<string, OverlayCommand>()
        for (const each of steps) {
          const id = `c${each.id}`
          if (each.kind === 'drop') {
            overlay.drop(id)
            commands.delete(id)
          } else {
            // One place in the order per command, as `seq` is.
            const put = command(
              id,
              each.id,
              each.skus.map((sku, n) => lineAdded('order/1', sku, n + 1)),
              each.attention,
            )
            overlay.put(put)
            commands.set(id, put)
          }
        }
        for (const sku of ['cup', 'pot', 'pan']) {
          const touching = [...commands.values()]
            .filter((each) => each.rows.some((row) => row.projection.name === SkuTotals.name && row.key === sku))
            .sort((a, b) => a.order - b.order)
          const anew = foldRow(
            shop.projectionsByName.get('sku-totals') ?? SkuTotals,
            undefined,
            touching.map((each) => ({
              command: each.id,
              order: each.order,
              attention: each.attention,
              events: each.events.filter((event) => (event.data as { sku: string }).sku === sku),
            })),
          )
          const kept = foldRow(SkuTotals, undefined, overlay.contributionsTo(rowId('sku-totals', sku)))
          expect(kept).toEqual(anew)
          expect(overlay.rowsIn('sku-totals').has(rowId('sku-totals', sku))).toBe(touching.length > 0)
        }
      }),
    )
  })

  test('folds in the order of the commands, whatever order they came in', () => {
    const overlay = createOverlay()
    overlay.put(command('late', 2, [lineAdded('order/1', 'cup', 10)]))
    overlay.put(command('early', 1, [lineAdded('order/1', 'cup', 1)]))
    expect(overlay.contributionsTo(rowId('sku-totals', 'cup')).map((each) => each.command)).toEqual(['early', 'late'])
  })

  test('names every row that a change of a command affects, the ones it no longer touches included', () => {
    const overlay = createOverlay()
    overlay.put(command('c', 1, [lineAdded('order/1', 'cup', 1)]))
    const touched = overlay
      .put(command('c', 1, [lineAdded('order/1', 'pot', 1)]))
      .map((row) => `${row.projection.name} ${row.key}`)
    expect(touched).toContain('sku-totals cup')
    expect(touched).toContain('sku-totals pot')
  })

  test('a projection that fails on a pending event leaves the row without it and says so', () => {
    const failing = {
      ...SkuTotals,
      fold: () => {
        throw new Error('a bug in a projection')
      },
    }
    const contribution = { command: 'c', order: 1, attention: false, events: [lineAdded('order/1', 'cup', 1)] }
    expect(foldRow(failing, { sku: 'cup', quantity: 1 }, [contribution])).toEqual({
      row: { sku: 'cup', quantity: 1 },
      pending: 1,
      attention: false,
      failed: true,
    })
  })
})
