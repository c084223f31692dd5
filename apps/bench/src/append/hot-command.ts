import { randomUUID } from 'node:crypto'
import type { Principal } from '@tidemark/core'
import { createPipeline } from '@tidemark/server'
import type { PostgresStore } from '@tidemark/store'
import type { Work } from '../measure/load.ts'
import { stockDomain } from './stock.ts'
import { newId } from './workload.ts'

/** Callers that send a rebasing command to one stream through the whole pipeline, each from a device of its own. */
export function hotCommands(store: PostgresStore, tenant: string, callers: number): readonly Work[] {
  const pipeline = createPipeline({
    domain: stockDomain,
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
