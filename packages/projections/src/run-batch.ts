import type { Domain, EventStore, StoredEvent } from '@tidemark/core'
import { DatabaseError, type Driver } from '@tidemark/store'
import { applyEdits } from './apply-edits.ts'
import { carryOut } from './carry-out.ts'
import type { Breaker, OpenBreaker, Tally } from './circuit-breaker.ts'
import { condemnByStream, condemnTouches } from './condemn.ts'
import { UNPARKED } from './control-event.ts'
import { foldBatch, keyId, type BatchWrites, type ParkedEvent, type RowId } from './fold-batch.ts'
import { interpretEvents, type Block, type InterpretedEvents, type Touch } from './interpret-events.ts'
import { estimateBytes } from './pacing.ts'
import type { ProjectionSet } from './registered-projection.ts'
import type { Guarded, RunGuarded } from './run-guarded.ts'
import { REBUILT } from './rebuild-event.ts'
import { SYNCED } from './statements/checkpoint.ts'
import { switchOver } from './switch-over.ts'
import type { Condemned } from './suspicion.ts'
import { commitBatch, type CommitAnswer } from './statements/commit-batch.ts'
import { loadBatch, skipId } from './statements/load-batch.ts'

export interface BatchContext {
  readonly domain: Domain
  readonly store: Pick<EventStore, 'readLane'>
  readonly sql: Driver
  readonly runGuarded: RunGuarded
}

export interface BatchRequest {
  readonly consumer: string
  readonly lane: number
  /** The consumer's checkpoint, as far as its owner knows. */
  readonly from: number
  readonly limit: number
  readonly fence: number
  readonly set: ProjectionSet
  /** The first event is to be set aside, whatever it is. */
  readonly condemned?: Condemned | undefined
  /** Looks at what was folded before it is written: an open breaker leaves it unwritten. */
  readonly judge: (tallies: readonly Tally[]) => Breaker
}

export type BatchResult =
  /** No event after the checkpoint. */
  | { readonly kind: 'empty' }
  | {
      readonly kind: 'committed'
      readonly to: number
      readonly events: number
      readonly rows: number
      /** About how many the events' data takes as JSON. */
      readonly bytes: number
      /** Events that were set aside for what is wrong with themselves. */
      readonly parked: readonly ParkedEvent[]
      readonly breaker: Breaker
      readonly more: boolean
    }
  /** An event among these may be the cause: a handler that did not end, a row that the database does not take. */
  | {
      readonly kind: 'failed'
      readonly events: number
      readonly until: number
      readonly hung: boolean
      readonly message: string
    }
  /** The breaker has opened. */
  | { readonly kind: 'refused'; readonly breaker: OpenBreaker }
  /** The first event after the checkpoint cannot be read by this code, and newer code may. Nothing was written. */
  | { readonly kind: 'blocked'; readonly block: Block }
  | { readonly kind: Exclude<CommitAnswer, 'committed'> }

/**
 * Reads, folds and commits the events after a checkpoint. A throw means an outage or a bug and leaves either all of the
 * batch or nothing behind; which one it was, the checkpoint tells.
 */
export async function runBatch(context: BatchContext, request: BatchRequest): Promise<BatchResult> {
  const { domain, store, sql, runGuarded } = context
  const { lane, from, limit, set, condemned } = request
  const found = await store.readLane({ lane, after: from, limit, bare: true })
  const [first] = found
  if (first === undefined) return { kind: 'empty' }
  // What a control event changes is stamped with its position, so it is a batch of its own.
  const control = found.findIndex((event) => isControl(event, request))
  if (control === 0) return runControlEvent(context, request, first, found.length > 1)
  const events = control === -1 ? found : found.slice(0, control)
  const failed = (what: { hung: boolean; message: string }): BatchResult => ({
    kind: 'failed',
    events: events.length,
    until: (events.at(-1) ?? first).position,
    hung: what.hung,
    message: what.message,
  })

  const read = interpret(context, set, events, condemned)
  if (read.kind === 'failed') return failed(read)
  const { touches, last, block } = read.value
  if (last === undefined) {
    if (block === undefined) throw new Error('A batch of events came to nothing and gave no reason.')
    return { kind: 'blocked', block }
  }
  const range = { lane, after: from, to: last.position }
  const load = (its: readonly Touch[]) => loadBatch(sql, { keys: toKeys(its), streams: () => toStreams(its), range })
  let stored = await load(touches)
  let counted = touches
  if (stored.edits.length > 0 && condemned === undefined) {
    const { edits } = stored
    const edited = runGuarded(() => applyEdits(domain, set, events, touches, edits))
    if (edited.kind === 'failed') return failed(edited)
    counted = edited.value
    // They may be of other rows now.
    stored = await load(counted)
  }
  if (stored.skipped.size > 0) {
    const { skipped } = stored
    counted = counted.filter((touch) => !skipped.has(skipId(touch.projection.projection.name, touch.stored.position)))
  }
  const folding =
    condemned !== undefined && condemned.position === last.position && !condemned.byStream
      ? condemnTouches(counted, stored, condemned.message, runGuarded)
      : counted
  const before = stored
  const folded = runGuarded(() => foldBatch(folding, before))
  if (folded.kind === 'failed') return failed(folded)
  const writes = folded.value
  const breaker = request.judge(toTallies(folding, writes))
  if (breaker.kind === 'open') return { kind: 'refused', breaker }
  let kind: CommitAnswer
  try {
    kind = await commitBatch(sql, {
      consumer: request.consumer,
      lane,
      from,
      to: last.position,
      eventId: last.id,
      fence: request.fence,
      covered: set.ids,
      writes,
    })
  } catch (error) {
    if (isRejected(error)) return failed({ hung: false, message: `The rows were not taken: ${error.message}` })
    throw error
  }
  if (kind !== 'committed') return { kind }
  return {
    kind,
    to: last.position,
    events: countUpTo(events, last),
    rows: writes.rows.length,
    bytes: estimateBytes(events),
    parked: writes.parked.filter((event) => event.reason !== 'behind'),
    breaker,
    more: control !== -1 || found.length >= limit,
  }
}

/** A build goes past the event of a switch like any other: it changes live rows only. */
function isControl({ type }: StoredEvent, { consumer }: BatchRequest): boolean {
  return type === UNPARKED || (type === REBUILT && consumer === SYNCED)
}

async function runControlEvent(
  context: BatchContext,
  request: BatchRequest,
  event: StoredEvent,
  more: boolean,
): Promise<BatchResult> {
  try {
    const result =
      event.type === REBUILT
        ? await switchOver(context, request, event, runBatch)
        : await carryOut(context, request, await readWhole(context, event))
    if (result.kind === 'blocked') return result
    if (result.kind !== 'committed') return { kind: result.kind }
    return {
      kind: 'committed',
      to: event.position,
      events: 1,
      rows: 0,
      bytes: 0,
      parked: [],
      breaker: request.judge([]),
      more,
    }
  } catch (error) {
    if (!isRejected(error)) throw error
    return { kind: 'failed', events: 1, until: event.position, hung: false, message: error.message }
  }
}

/** The event with what a bare read leaves out. */
async function readWhole({ store }: BatchContext, { lane, position }: StoredEvent): Promise<StoredEvent> {
  const [whole] = await store.readLane({ lane, after: position - 1, limit: 1 })
  if (whole?.position !== position) throw new Error(`The event at ${position} of lane ${lane} was there, and is not.`)
  return whole
}

function interpret(
  { domain, runGuarded }: BatchContext,
  set: ProjectionSet,
  events: readonly StoredEvent[],
  condemned: Condemned | undefined,
): Guarded<InterpretedEvents> {
  const read = runGuarded(() => interpretEvents(domain, set, events))
  const [event] = events
  if (event === undefined || condemned?.position !== event.position) return read
  if (read.kind === 'done' && !condemned.byStream) return read
  const touches = condemnByStream(set, event, condemned.message)
  return { kind: 'done', value: { touches, last: event, block: undefined } }
}

/** It was this call, and would be again. */
function isRejected(error: unknown): error is DatabaseError {
  return error instanceof DatabaseError && error.kind === 'rejected'
}

/** How the projections fared with a batch. */
export function toTallies(touches: readonly Touch[], { parked }: BatchWrites): readonly Tally[] {
  const tallies = new Map<number, { projection: string; tried: number; failed: number; error: string | undefined }>()
  for (const { projection } of touches) {
    const tally = tallies.get(projection.id)
    if (tally !== undefined) tally.tried += 1
    else tallies.set(projection.id, { projection: projection.projection.name, tried: 1, failed: 0, error: undefined })
  }
  for (const event of parked) {
    const tally = tallies.get(event.projection)
    if (tally === undefined) continue
    if (event.reason === 'behind') tally.tried -= 1
    else {
      tally.failed += 1
      tally.error ??= event.error?.message
    }
  }
  return [...tallies.values()]
}

function toKeys(touches: readonly Touch[]): readonly RowId[] {
  const keys = new Map<string, RowId>()
  for (const { projection, stored, key } of touches) {
    if (key === undefined) continue
    const { tenant } = stored
    const id = keyId(projection.id, tenant, key)
    if (!keys.has(id)) keys.set(id, { projection: projection.id, tenant, key })
  }
  return [...keys.values()]
}

function toStreams(touches: readonly Touch[]): readonly { tenant: string; stream: string }[] {
  const streams = new Map<string, { tenant: string; stream: string }>()
  for (const { tenant, stream } of touches.map((touch) => touch.stored))
    streams.set(`${tenant}\n${stream}`, { tenant, stream })
  return [...streams.values()]
}

function countUpTo(events: readonly StoredEvent[], last: StoredEvent): number {
  return events.indexOf(last) + 1
}
