import type { EventStore } from '@tidemark/core'
import { createPipeline, type Logger } from '@tidemark/server'
import { depot } from '../../domain/index.ts'
import type { ImportTarget } from './run-import.ts'

/** The command pipeline on a store, for commands about long ago: nothing is too old for it. */
export function createImportTarget(store: EventStore, logger?: Logger): ImportTarget {
  const pipeline = createPipeline({
    domain: depot,
    store,
    clock: { pastMs: Number.POSITIVE_INFINITY },
    ...(logger === undefined ? {} : { logger }),
  })
  return {
    push: (principal, device, commands) => pipeline.push(principal, device, commands),
    results: (tenant, principal, commands) => store.results(tenant, principal, commands),
  }
}
