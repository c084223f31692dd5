import { createReadStream } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { decideCommand, initialState, isUuid, readCommand, toStoredJson, type VersionedState } from '@tidemark/core'
import { depot } from '../../domain/index.ts'
import { isDirty, type DirtyLine, type InvoiceLine } from './invoice-line.ts'
import { planImport, type ImportPlan } from './plan.ts'
import { readInvoiceLines } from './read-invoice-lines.ts'

const ada = { id: 'import', tenant: 'harbour' }
const HEADER = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n'

async function* bytes(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text)
}

async function readAll(chunks: AsyncIterable<Uint8Array>): Promise<(InvoiceLine | DirtyLine)[]> {
  const read: (InvoiceLine | DirtyLine)[] = []
  for await (const line of readInvoiceLines(chunks)) read.push(line)
  return read
}

async function planOf(...lines: string[]): Promise<ImportPlan> {
  return planImport(await readAll(bytes(HEADER + lines.map((line) => `${line}\n`).join(''))), ada)
}

/** Commands on orders and the adjustments, without the products that every file starts with. */
function told(plan: ImportPlan): unknown[] {
  return plan.commands
    .filter(({ type }) => type !== 'product.register' && type !== 'product.receive')
    .map(({ type, input }) => [type, input])
}

const sale = (invoice: string, code: string, quantity: number, at = '2010-12-01T09:00:00', customer = '17850') =>
  `${invoice},${code},WHITE METAL LANTERN,${quantity},${at},3.39,${customer},United Kingdom`

describe('a cancellation', () => {
  it('makes a return where the order has left the house', async () => {
    const plan = await planOf(
      sale('1', '71053', 6),
      sale('C2', '71053', -2, '2010-12-02T10:00:00'),
      sale('3', '71053', 1, '2010-12-03T10:00:00'),
    )
    const added = plan.commands.find(({ type }) => type === 'order.addLine')
    const [returned] = plan.commands.filter(({ type }) => type === 'order.return')
    expect(returned).toMatchObject({ stream: added?.stream, input: { quantity: 2, reason: 'Cancelled by C2' } })
    expect(plan.commands.map(({ type }) => type).slice(2)).toEqual([
      'order.place',
      'order.addLine',
      'order.ship',
      'order.return',
      'order.place',
      'order.addLine',
    ])
  })

  it('shrinks the line of an open order, and a second one shrinks it further', async () => {
    const plan = await planOf(
      sale('1', '71053', 6),
      sale('C2', '71053', -2, '2010-12-01T10:00:00'),
      sale('C2', '71053', -1, '2010-12-01T10:00:00'),
    )
    expect(told(plan).slice(2)).toEqual([
      ['order.changeQuantity', { line: expect.any(String), quantity: 4 }],
      ['order.changeQuantity', { line: expect.any(String), quantity: 3 }],
    ])
  })

  it('removes a line of an open order that keeps others', async () => {
    const plan = await planOf(sale('1', '71053', 6), sale('1', '22752', 1), sale('C2', '71053', -6))
    expect(told(plan).slice(3)).toEqual([['order.removeLine', { line: expect.any(String) }]])
  })

  it('cancels an open order of which nothing is left, with one command for all its lines', async () => {
    const plan = await planOf(
      sale('1', '71053', 6),
      sale('1', '22752', 1),
      sale('C2', '22752', -1),
      sale('C2', '71053', -6),
      sale('3', '71053', 1, '2010-12-03T10:00:00'),
    )
    const cancels = plan.commands.filter(({ type }) => type === 'order.cancel')
    expect(cancels).toEqual([expect.objectContaining({ lines: [4, 5], input: { reason: 'Cancelled by C2' } })])
    expect(plan.commands.some(({ type }) => type === 'order.ship')).toBe(false)
  })

  it('takes from the most recent order that has enough, and from several where none has', async () => {
    const orders = [sale('1', '71053', 6), sale('2', '71053', 2), sale('3', '71053', 1)]
    const enough = await planOf(...orders, sale('C4', '71053', -2))
    expect(enough.commands.find(({ type }) => type === 'order.cancel')?.stream).toBe(streamOf(enough, '2'))
    const several = await planOf(...orders, sale('C4', '71053', -8))
    expect(told(several).slice(6)).toEqual([
      ['order.cancel', { reason: 'Cancelled by C4' }],
      ['order.cancel', { reason: 'Cancelled by C4' }],
      ['order.changeQuantity', { line: expect.any(String), quantity: 1 }],
    ])
  })

  it.each([
    ['another customer', sale('C2', '71053', -2, '2010-12-01T10:00:00', '99999')],
    ['an unknown customer', sale('C2', '71053', -2, '2010-12-01T10:00:00', '')],
    ['more than was sold', sale('C2', '71053', -7, '2010-12-01T10:00:00')],
    ['another product', sale('C2', '22752', -2, '2010-12-01T10:00:00')],
  ])('of %s goes back on the shelf', async (_, line) => {
    const plan = await planOf(sale('1', '71053', 6), line)
    const quantity = Number(line.split(',')[3])
    expect(told(plan).slice(2)).toEqual([
      ['product.adjust', { by: -quantity, reason: 'Customer return without a known order' }],
    ])
  })

  it('never looks into the future', async () => {
    const plan = await planOf(sale('C2', '71053', -2, '2010-12-01T08:00:00'), sale('1', '71053', 6))
    expect(told(plan)[0]).toEqual(['product.adjust', { by: 2, reason: 'Customer return without a known order' }])
  })

  it('names the order line by the id that the server will give it', async () => {
    const plan = await planOf(sale('1', '71053', 6), sale('C2', '71053', -2))
    expect(answersOf(plan)).toEqual(plan.commands.map(() => 'events'))
  })
})

describe('a line that is no sale', () => {
  it('counts goods that went missing, with its description as the reason', async () => {
    const plan = await planOf(
      '1,71053,?,-30,2010-12-01T09:00:00,0,,United Kingdom',
      '2,71053,,-5,2010-12-01T09:00:00,0,,United Kingdom',
    )
    expect(told(plan)).toEqual([
      ['product.adjust', { by: -30, reason: '?' }],
      ['product.adjust', { by: -5, reason: 'Stock correction' }],
    ])
  })

  it('counts goods that were found where neither price nor customer is known', async () => {
    const plan = await planOf(
      '1,71053,,56,2010-12-01T09:00:00,0,,United Kingdom',
      '2,71053,amazon,20,2010-12-01T09:00:00,0,,United Kingdom',
    )
    expect(told(plan)).toEqual([
      ['product.adjust', { by: 56, reason: 'Found' }],
      ['product.adjust', { by: 20, reason: 'amazon' }],
    ])
  })

  it('is a gift, and so a sale, where a customer is known', async () => {
    const plan = await planOf('1,22841,ROUND CAKE TIN,1,2010-12-05T14:02:00,0,12647,Germany')
    expect(told(plan).map((told) => (told as unknown[])[0])).toEqual(['order.place', 'order.addLine'])
  })
})

describe('an order', () => {
  it('of the last day stays open, and earlier ones ship the next morning', async () => {
    const plan = await planOf(sale('1', '71053', 6), sale('2', '71053', 6, '2010-12-02T09:00:00'))
    const ships = plan.commands.filter(({ type }) => type === 'order.ship')
    expect(ships).toEqual([
      expect.objectContaining({
        stream: streamOf(plan, '1'),
        occurredAt: '2010-12-02T08:00:00.000Z',
        input: { carrier: 'Royal Mail' },
      }),
    ])
  })

  it('without a customer is a walk-in customer’s', async () => {
    const plan = await planOf(sale('1', '71053', 6, '2010-12-01T09:00:00', ''))
    expect(told(plan)[0]).toEqual([
      'order.place',
      expect.objectContaining({ customer: { firstName: 'Walk-in', lastName: 'customer' } }),
    ])
  })

  it('has one customer: lines of another are reported', async () => {
    const plan = await planOf(sale('1', '71053', 6), sale('1', '22752', 6, '2010-12-01T09:00:00', '99999'))
    expect(plan.dirty).toEqual([{ number: 3, reason: 'mixed_invoice' }])
    expect(plan.planned).toBe(1)
  })
})

describe('a product', () => {
  it('is one, however its code is written', async () => {
    const plan = await planOf(sale('1', '85123A', 6), sale('2', '85123a', 6))
    expect(plan.commands.filter(({ type }) => type === 'product.register')).toHaveLength(1)
  })

  it('has stock for everything the file takes from it', async () => {
    const plan = await planOf(sale('1', '71053', 100), '2,71053,lost,-50,2010-12-01T09:00:00,0,,United Kingdom')
    const received = plan.commands.find(({ type }) => type === 'product.receive')
    expect((received?.input as { quantity: number }).quantity).toBeGreaterThan(150)
  })
})

describe('ids', () => {
  it('tell lines apart that repeat another exactly', async () => {
    const plan = await planOf(sale('1', '71053', 6), sale('1', '71053', 6), sale('1', '71053', 6))
    const ids = plan.commands.filter(({ type }) => type === 'order.addLine').map(({ id }) => id)
    expect(new Set(ids).size).toBe(3)
  })

  it('are another tenant’s own', async () => {
    const lines = await readAll(bytes(HEADER + sale('1', '71053', 6)))
    const here = planImport(lines, ada)
    const there = planImport(lines, { ...ada, tenant: 'meadow' })
    expect(there.commands.filter(({ id }) => here.commands.some((command) => command.id === id))).toEqual([])
  })

  it('stay the same when lines are added at the end', async () => {
    const before = await planOf(sale('1', '71053', 6), sale('C2', '71053', -1))
    const after = await planOf(sale('1', '71053', 6), sale('C2', '71053', -1), sale('3', '71053', 1))
    const known = new Set(after.commands.map(({ id }) => id))
    expect(before.commands.filter(({ id }) => !known.has(id))).toEqual([])
  })
})

describe('the December file', () => {
  const file = fileURLToPath(new URL('../../../data/online-retail-2010-12.csv', import.meta.url))
  const reading = readAll(createReadStream(file))

  it('puts each of its 10,000 lines in exactly one bucket', async () => {
    const plan = planImport(await reading, ada)
    expect(plan.lines).toBe(10_000)
    expect(plan.planned + plan.dirty.length).toBe(plan.lines)
    const stoodFor = new Set(plan.commands.flatMap(({ lines }) => lines))
    const dirty = new Set(plan.dirty.map(({ number }) => number))
    expect(stoodFor.size).toBe(plan.planned)
    for (let number = 2; number <= 10_001; number++) expect(stoodFor.has(number) !== dirty.has(number)).toBe(true)
  })

  it('holds what an independent count of its columns says', async () => {
    const read = await reading
    const plan = planImport(read, ada)
    const raw = read.filter((line): line is InvoiceLine => !isDirty(line)).map((line) => line.raw)
    const count = (type: string) => plan.commands.filter((command) => command.type === type).length
    const invoices = new Set(
      raw.filter((f) => !f[0]?.startsWith('C') && (Number(f[5]) > 0 || f[6] !== '')).map((f) => f[0]),
    )
    expect(count('product.register')).toBe(new Set(raw.map((f) => f[1]?.toUpperCase())).size)
    expect(count('order.place')).toBe(invoices.size)
    expect(count('order.addLine')).toBe(raw.filter((f) => Number(f[3]) > 0 && (Number(f[5]) > 0 || f[6] !== '')).length)
    expect(plan.dirty.every(({ reason }) => reason === 'not_a_product')).toBe(true)
    expect(plan.dirty).toHaveLength(38)
    // Every id once, in a plan that is the same each time.
    expect(new Set(plan.commands.map(({ id }) => id)).size).toBe(plan.commands.length)
    expect(planImport(read, ada)).toEqual(plan)
    expect(plan.commands.every(({ id, input }) => isUuid(id) && toStoredJson(input).ok)).toBe(true)
  })

  it('asks for nothing that the domain refuses', async () => {
    const answers = answersOf(planImport(await reading, ada))
    expect(answers.filter((answer) => answer !== 'events')).toEqual([])
  })
})

/** What the domain says to each command of a plan, decided in turn as the server does. */
function answersOf(plan: ImportPlan): string[] {
  const states = new Map<string, VersionedState>()
  return plan.commands.map((planned) => {
    const read = readCommand(depot, planned)
    const aggregate = depot.aggregateOf(planned.stream)
    if (read.kind !== 'command' || aggregate === undefined) return read.kind
    const { command, input } = read
    const current = states.get(planned.stream) ?? initialState(aggregate)
    const principal = { ...ada, name: 'Import', roles: ['manager'] }
    const { id: commandId, stream: streamId, occurredAt } = planned
    const decided = decideCommand({ aggregate, command, input, current, principal, commandId, streamId, occurredAt })
    if (decided.kind !== 'events') return decided.kind === 'refused' ? `refused: ${decided.code}` : decided.message
    states.set(streamId, decided.after)
    return 'events'
  })
}

function streamOf(plan: ImportPlan, invoice: string): string | undefined {
  return plan.commands.find(
    ({ type, input }) => type === 'order.place' && (input as { number: string }).number === invoice,
  )?.stream
}
