import { derivedIdOf, hash128, type AppendAnswer, type EventStore, type Json, type NewEvent } from '@tidemark/core'
import { Order } from '../../domain/index.ts'
import { contentId } from '../import/command-id.ts'
import type { OrderFromBefore } from './orders-from-before.ts'

/** The release before this one wrote every event in its first version. */
const SCHEMA = 1

/**
 * Writes the orders straight into the log, as events that are there from an earlier time: no pipeline of today could
 * make them. Asking again changes nothing.
 */
export async function appendOrdersFromBefore(
  store: Pick<EventStore, 'append'>,
  tenant: string,
  orders: readonly OrderFromBefore[],
): Promise<void> {
  await Promise.all(orders.map((order) => appendOrder(store, tenant, order)))
}

interface Step {
  readonly at: string
  readonly by: string
  readonly events: readonly (readonly [name: string, data: Json])[]
}

async function appendOrder(store: Pick<EventStore, 'append'>, tenant: string, order: OrderFromBefore): Promise<void> {
  const stream = Order.stream(contentId(order.placedAt, tenant, 'order', order.number))
  let version = 0
  for (const step of stepsOf(order, tenant)) {
    const id = contentId(step.at, tenant, 'before', order.number, String(version))
    const events = step.events.map(([name, data], index): NewEvent => ({
      id: derivedIdOf(id, { tenant, id: step.by }, `event ${index}`),
      type: `${Order.name}.${name}`,
      schema: SCHEMA,
      data,
      metadata: {},
    }))
    const answer = await store.append({
      tenant,
      stream,
      expected: version,
      principal: step.by,
      device: null,
      command: { id, hash: hash128(stream, JSON.stringify(step)) },
      occurredAt: step.at,
      events,
    })
    if (answer.kind !== 'appended' && answer.kind !== 'duplicate') throw new Error(failureOf(order, answer))
    version += events.length
  }
}

function stepsOf(order: OrderFromBefore, tenant: string): readonly Step[] {
  const { number, customerName, country, note } = order
  const lineId = (index: number) => contentId(order.placedAt, tenant, 'line from before', number, String(index))
  const lines = order.lines.map(([product, description, quantity, unitPrice], index) => {
    return ['lineAdded', { line: lineId(index), product, description, quantity, unitPrice }] as const
  })
  const placing: Step = {
    at: order.placedAt,
    by: order.placedBy,
    events: [['placed', { number, customerName, country, note }], ...lines],
  }
  const later = order.then.map((then): Step => {
    switch (then.kind) {
      case 'shipped':
        return { at: then.at, by: then.by, events: [['shipped', { carrier: then.carrier }]] }
      case 'cancelled':
        return { at: then.at, by: then.by, events: [['cancelled', { reason: then.reason }]] }
      case 'returned': {
        const { quantity, reason } = then
        return { at: then.at, by: then.by, events: [['returned', { line: lineId(then.line), quantity, reason }]] }
      }
    }
  })
  return [placing, ...later]
}

function failureOf(order: OrderFromBefore, answer: AppendAnswer): string {
  const cause = answer.kind === 'unavailable' ? answer.cause : JSON.stringify(answer)
  return `Order ${order.number} could not be written (${answer.kind}): ${cause}`
}
