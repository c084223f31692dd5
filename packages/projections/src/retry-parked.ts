import type { Domain, StoredEvent } from '@tidemark/core'
import { foldBatch, keyId, type BatchWrites, type ParkedEvent, type StoredKey, type StoredState } from './fold-batch.ts'
import { interpretEvents, type ParkError, type Touch } from './interpret-events.ts'
import { toProjectionSet, type RegisteredProjection } from './registered-projection.ts'

/** A parked event that is to be tried, with what the log holds at its position now. */
export interface TriedEvent {
  readonly parked: ParkedEvent
  readonly stored: StoredEvent | undefined
}

export interface Retried {
  /** `parked`: those that stay, with what is wrong now and how often they were tried. */
  readonly writes: BatchWrites
}

/** What parked events of one projection mean to this code, in the order of their positions. Pure. */
export function interpretTried(
  domain: Domain,
  member: RegisteredProjection,
  tried: readonly TriedEvent[],
): readonly Touch[] {
  const set = toProjectionSet([member])
  return tried.flatMap(({ parked, stored }): readonly Touch[] => {
    // What is parked by stream has no key until it can be read.
    const key = parked.by === 'key' ? parked.key : undefined
    const stay = (error: ParkError, of: StoredEvent): readonly Touch[] => [
      { projection: member, stored: of, key, folding: { kind: 'park', error } },
    ]
    if (stored === undefined || stored.id !== parked.eventId) {
      const message = 'The log does not hold this event at its position: it has another history than this table.'
      return stay({ reason: 'not-in-log', message }, standIn(parked, stored))
    }
    const { touches, block } = interpretEvents(domain, set, [stored])
    if (block !== undefined) return stay({ reason: block.reason, message: block.detail }, stored)
    const [touch] = touches
    // The projection's key() leaves the event out now.
    if (touch === undefined) return []
    if (key === undefined || touch.key === key) return [touch]
    if (touch.folding.kind === 'park') return stay(touch.folding.error, stored)
    const message = `key() gives "${touch.key}" now; other events went to "${key}". Raise the projection's version.`
    return stay({ reason: 'failed', message }, stored)
  })
}

/** They cannot be tried together, and which of them is the matter is not known: all stay. Retry them by key. */
export function keepAll(member: RegisteredProjection, tried: readonly TriedEvent[], message: string): readonly Touch[] {
  return tried.map(({ parked, stored }) => ({
    projection: member,
    stored: standIn(parked, stored),
    key: parked.by === 'key' ? parked.key : undefined,
    folding: {
      kind: 'park',
      error: { reason: 'failed', message: `Tried with others, one of which failed: ${message}` },
    },
  }))
}

/** Only what names the event is looked at where it cannot be read. */
function standIn(parked: ParkedEvent, found: StoredEvent | undefined): StoredEvent {
  const { eventId: id, position, tenant, stream, type } = parked
  return {
    lane: 0,
    version: 0,
    schema: 0,
    data: null,
    metadata: {},
    principal: '',
    device: null,
    command: null,
    occurredAt: '',
    recordedAt: '',
    ...found,
    id,
    position,
    tenant,
    stream,
    type,
  }
}

/**
 * Folds parked events over their rows as if they had never been parked; what fails again stays, with all behind it. Rows
 * and tombstones that it touches are stamped with `at`. Pure.
 */
export function retryParked(input: {
  readonly touches: readonly Touch[]
  readonly tried: readonly TriedEvent[]
  readonly stored: StoredState
  /** {@link keyId} of the keys that were tried, and whether more of their events are parked than were tried. */
  readonly keys: ReadonlyMap<string, { readonly unfinished: boolean }>
  readonly at: number
}): Retried {
  const { tried, stored, keys, at } = input
  const attempts = new Map(tried.map(({ parked }) => [parked.position, parked.attempts]))
  const folded = foldBatch(
    input.touches.map((touch) => inOrder(touch, stored)),
    { keys: new Map([...stored.keys].map(([id, key]) => [id, unparked(key)])), parkedStreams: new Set() },
  )
  const parked = folded.parked.map((event) => ({
    ...event,
    attempts: (attempts.get(event.position) ?? 0) + (event.reason === 'behind' ? 0 : 1),
  }))
  const staying = new Set(
    parked.filter((event) => event.by === 'key').map((event) => keyId(event.projection, event.tenant, event.key)),
  )
  const gone = new Set(folded.gone.map((row) => keyId(row.projection, row.tenant, row.key)))
  const rows = new Map(folded.rows.map((row) => [keyId(row.projection, row.tenant, row.key), row]))
  for (const id of keys.keys()) {
    const row = stored.keys.get(id)?.row
    if (row === undefined || gone.has(id) || rows.has(id)) continue
    const [projection, tenant, key] = id.split('\n')
    rows.set(id, { ...row, projection: Number(projection), tenant: tenant ?? '', key: key ?? '' })
  }
  return {
    writes: {
      ...folded,
      rows: [...rows].map(([id, row]) => ({
        ...row,
        changed: at,
        stale: staying.has(id) || keys.get(id)?.unfinished === true,
      })),
      tombstones: folded.tombstones.map((tombstone) => ({ ...tombstone, changed: at })),
      parked,
    },
  }
}

function unparked(key: StoredKey): StoredKey {
  return { ...key, parked: false, row: key.row && { ...key.row, stale: false } }
}

/**
 * An event whose key was not known could hold nobody up but its stream: where its row has gone on with events of other
 * streams, it can no longer be folded in its order.
 */
function inOrder(touch: Touch, stored: StoredState): Touch {
  if (touch.key === undefined) return touch
  const at = stored.keys.get(keyId(touch.projection.id, touch.stored.tenant, touch.key))
  if (Math.max(at?.row?.position ?? 0, at?.tombstone ?? 0) < touch.stored.position) return touch
  const message =
    `Its row "${touch.key}" has gone on past it with events of other streams, so it cannot be folded in its order any ` +
    `more: raise the projection's version to build it anew, or skip the event.`
  return { ...touch, key: undefined, folding: { kind: 'park', error: { reason: 'failed', message } } }
}
