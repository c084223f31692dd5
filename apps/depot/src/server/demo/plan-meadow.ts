import { deriveId, type Principal } from '@tidemark/core'
import { Order, Product } from '../../domain/index.ts'
import { contentId } from '../import/command-id.ts'
import type { ImportPlan } from '../import/plan.ts'
import { toPlannedCommand, type PlannedCommand } from '../import/planned-command.ts'

const PRODUCTS = [
  ['SEED-01', 'Wildflower seed mix, 100 g', 420, 140],
  ['SEED-02', 'Red clover seed, 500 g', 690, 60],
  ['TOOL-11', 'Hand trowel, ash handle', 1150, 48],
  ['TOOL-14', 'Secateurs, bypass', 2480, 25],
  ['FEED-03', 'Songbird feed, 12.5 kg', 1890, 80],
] as const

const ORDERS = [
  {
    number: 'M-1001',
    at: '2010-12-01T09:10:00.000Z',
    firstName: 'Beatrix',
    lastName: 'Holloway',
    lines: [
      ['SEED-01', 10],
      ['TOOL-11', 2],
    ],
  },
  {
    number: 'M-1002',
    at: '2010-12-02T13:25:00.000Z',
    firstName: 'Stellan',
    lastName: 'Moberg',
    lines: [['FEED-03', 4]],
  },
  {
    number: 'M-1003',
    at: '2010-12-03T16:40:00.000Z',
    firstName: 'Aoife',
    lastName: 'Brennan',
    lines: [
      ['TOOL-14', 1],
      ['SEED-02', 3],
      ['SEED-01', 5],
    ],
  },
] as const

const OPENED_AT = '2010-12-01T07:30:00.000Z'

/** A second, small house: enough to see that its people see nothing of the first one's. */
export function planMeadow({ tenant }: Pick<Principal, 'tenant'>): ImportPlan {
  const commands: PlannedCommand[] = []
  for (const [code, description, unitPrice, quantity] of PRODUCTS) {
    const about = { id: contentId(OPENED_AT, tenant, 'demo', code), occurredAt: OPENED_AT, lines: [] }
    const stream = Product.stream(code)
    commands.push(
      toPlannedCommand(Product, 'register', stream, { description, unitPrice }, about),
      toPlannedCommand(
        Product,
        'receive',
        stream,
        { quantity, reference: 'Opening stock' },
        { ...about, id: deriveId(about.id, 'receive') },
      ),
    )
  }
  for (const { number, at, firstName, lastName, lines } of ORDERS) {
    const about = { id: contentId(at, tenant, 'demo', number), occurredAt: at, lines: [] }
    const stream = Order.stream(contentId(at, tenant, 'order', number))
    const placing = { number, customer: { firstName, lastName }, country: 'United Kingdom', note: '' }
    commands.push(toPlannedCommand(Order, 'place', stream, placing, about))
    for (const [code, quantity] of lines) {
      const [product, description, unitPrice] = PRODUCTS.find(([known]) => known === code) ?? [code, '', 0]
      commands.push(
        toPlannedCommand(
          Order,
          'addLine',
          stream,
          { product, description, quantity, unitPrice },
          { ...about, id: deriveId(about.id, code) },
        ),
      )
    }
  }
  return { lines: 0, planned: 0, dirty: [], commands }
}
