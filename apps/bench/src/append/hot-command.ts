import { randomUUID } from 'node:crypto'
import { aggregate, defineDomain, event, type Principal } from '@tidemark/core'
import { createPipeline } from '@tidemark/server'
import type { PostgresStore } from '@tidemark/store'
import * as z from 'zod'
import type { Work } from '../measure/load.ts'
import { newId } from './workload.ts'

const Stock = aggregate('stock', {
  initial: () => ({ taken: 0 }),
  events: { taken: event(z.object({ quantity: z.int().positive() })) },
  evolve: { taken: (state, { quantity }) => ({ taken: state.taken + quantity }) },
  commands: (command) => ({
    take: command(z.object({ quantity: z.int().positive() }), {
      onConflict: 'rebase',
      // Reads the state: it has to be decided on everything before it, so it can never be appended blindly.
      decide: (state, input, { emit, refuse }) =>
        state.taken + input.quantity > Number.MAX_SAFE_INTEGER ? refuse('sold_out') : emit.taken(input),
    }),
  }),
})

/** Callers that send a rebasing command to one stream through the whole pipeline, each from a device of its own. */
export function hotCommands(store: PostgresStore, tenant: string, callers: number): readonly Work[] {
  const pipeline = createPipeline({
    domain: defineDomain({ name: 'hot', aggregates: [Stock], projections: [] }),
    store,
  })
  const principal: Principal = { id: 'ada', tenant, name: 'Ada', roles: [] }
  const stream = `stock/${newId()}`
  return Array.from({ length: callers }, () => {
    const device = randomUUID()
    return async () => {
      const occurredAt = new Date().toISOString()
      const id = newId()
      const command = { id, type: 'stock.take', schema: 1, stream, input: { quantity: 1 }, occurredAt, base: null }
      const [answered] = await pipeline.push(principal, device, [command])
      if (answered?.answer.kind !== 'accepted')
        throw new Error(`A command was answered ${JSON.stringify(answered?.answer)}.`)
    }
  })
}
