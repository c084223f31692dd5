import type { Domain, EventStore, StoredEvent } from '@tidemark/core'
import type { Driver } from '@tidemark/store'
import { carryOut } from './carry-out.ts'
import { UNPARKED } from './control-event.ts'
import { foldBatch, keyId, type RowId } from './fold-batch.ts'
import { interpretEvents, type Block, type Touch } from './interpret-events.ts'
import type { ProjectionSet } from './registered-projection.ts'
import { commitBatch, type CommitAnswer } from './statements/commit-batch.ts'
import { loadBatch, skipId } from './statements/load-batch.ts'

export interface BatchContext {
  readonly domain: Domain
  readonly store: Pick<EventStore, 'readLane'>
  readonly sql: Driver
}

export interface BatchRequest {
  readonly consumer: string
  readonly lane: number
  /** The consumer's checkpoint, as far as its owner knows. */
  readonly from: number
  readonly limit: number
  readonly fence: number
  readonly set: ProjectionSet
}

export type BatchResult =
  /** No event after the checkpoint. */
  | { readonly kind: 'empty' }
  | { readonly kind: 'committed'; readonly to: number; readonly events: number; readonly more: boolean }
  /** The first event after the checkpoint cannot be read by this code, and newer code may. Nothing was written. */
  | { readonly kind: 'blocked'; readonly block: Block }
  | { readonly kind: Exclude<CommitAnswer, 'committed'> }

/**
 * Reads, folds and commits the events after a checkpoint. A throw means an outage or a bug and leaves either all of the
 * batch or nothing behind; which one it was, the checkpoint tells.
 */
export async function runBatch(context: BatchContext, request: BatchRequest): Promise<BatchResult> {
  const { domain, store, sql } = context
  const { lane, from, limit, set } = request
  const found = await store.readLane({ lane, after: from, limit })
  const [first] = found
  if (first === undefined) return { kind: 'empty' }
  if (first.type === UNPARKED) {
    const result = await carryOut(context, request, first)
    if (result.kind === 'blocked') return result
    if (result.kind !== 'committed') return { kind: result.kind }
    return { kind: 'committed', to: first.position, events: 1, more: found.length > 1 }
  }
  // What a control event changes is stamped with its position, so it is a batch of its own.
  const control = found.findIndex((event) => event.type === UNPARKED)
  const events = control === -1 ? found : found.slice(0, control)
  const { touches, last, block } = interpretEvents(domain, set, events)
  if (last === undefined) {
    if (block === undefined) throw new Error('A batch of events came to nothing and gave no reason.')
    return { kind: 'blocked', block }
  }
  const range = { lane, after: from, to: last.position }
  const stored = await loadBatch(sql, { ...toLoad(touches), range })
  const counted =
    stored.skipped.size === 0
      ? touches
      : touches.filter((touch) => !stored.skipped.has(skipId(touch.projection.projection.name, touch.stored.position)))
  const kind = await commitBatch(sql, {
    consumer: request.consumer,
    lane,
    from,
    to: last.position,
    eventId: last.id,
    fence: request.fence,
    covered: set.ids,
    writes: foldBatch(counted, stored),
  })
  if (kind !== 'committed') return { kind }
  return { kind, to: last.position, events: countUpTo(events, last), more: control !== -1 || found.length >= limit }
}

function toLoad(touches: readonly Touch[]): {
  readonly keys: readonly RowId[]
  readonly streams: readonly { tenant: string; stream: string }[]
} {
  const keys = new Map<string, RowId>()
  const streams = new Map<string, { tenant: string; stream: string }>()
  for (const { projection, stored, key } of touches) {
    const { tenant, stream } = stored
    streams.set(`${tenant}\n${stream}`, { tenant, stream })
    if (key !== undefined) keys.set(keyId(projection.id, tenant, key), { projection: projection.id, tenant, key })
  }
  return { keys: [...keys.values()], streams: [...streams.values()] }
}

function countUpTo(events: readonly StoredEvent[], last: StoredEvent): number {
  return events.indexOf(last) + 1
}
