import { readEvent, type Domain, type DomainEvent, type ReadFailure, type StoredEvent } from '@tidemark/core'
import type { ProjectionSet, RegisteredProjection } from './registered-projection.ts'
import type { ParkReason } from './park-reason.ts'
import { keyProblem } from './row-limits.ts'

/** What an event means to one projection. */
export interface Touch {
  readonly projection: RegisteredProjection
  readonly stored: StoredEvent
  /** `undefined` where the event cannot be read and the row it belongs to depends on what it says. */
  readonly key: string | undefined
  readonly folding:
    | { readonly kind: 'fold'; readonly event: DomainEvent }
    | { readonly kind: 'park'; readonly error: ParkError }
}

/** Why an event is set aside. Stored beside it for whoever retries it. */
export interface ParkError {
  readonly reason: ParkReason
  readonly message: string
}

/**
 * An event that this code may simply be too old for. It is not poison: the lane stops before it, and goes on when newer
 * code takes over.
 */
export interface Block {
  readonly reason: 'newer-schema' | 'unknown-type'
  readonly position: number
  readonly detail: string
}

export interface InterpretedEvents {
  /** In the order of positions. */
  readonly touches: readonly Touch[]
  /** The last event that was interpreted, `undefined` where the first one blocks. */
  readonly last: StoredEvent | undefined
  readonly block: Block | undefined
}

/** Reads a batch of the log for a set of projections: which rows each event belongs to. Pure. */
export function interpretEvents(domain: Domain, set: ProjectionSet, events: readonly StoredEvent[]): InterpretedEvents {
  const touches: Touch[] = []
  let last: StoredEvent | undefined
  for (const stored of events) {
    const block = interpretEvent(domain, set, stored, touches)
    if (block !== undefined) return { touches, last, block }
    last = stored
  }
  return { touches, last, block: undefined }
}

function interpretEvent(domain: Domain, set: ProjectionSet, stored: StoredEvent, touches: Touch[]): Block | undefined {
  if (!domain.eventsByType.has(stored.type)) {
    // An aggregate that none of these projections is over cannot concern them, whatever newer code makes of it.
    if (!set.aggregates.has(stored.type.slice(0, stored.type.indexOf('.')))) return undefined
    return {
      reason: 'unknown-type',
      position: stored.position,
      detail:
        `Event ${stored.id} has type "${stored.type}", which this code does not declare. Either newer code wrote it, ` +
        'or its declaration was removed: an event type must stay declared for as long as the log holds such events.',
    }
  }
  const folding = set.byEventType.get(stored.type)
  if (folding === undefined) return undefined
  const read = readEvent(domain, stored)
  switch (read.kind) {
    case 'event':
      for (const projection of folding) pushTouch(touches, projection, stored, read.event)
      return undefined
    case 'unknown-type':
    case 'newer-schema':
      return { reason: read.kind, position: stored.position, detail: describeFailure(stored, read) }
    case 'missing-upcaster':
    case 'upcaster-failed':
    case 'invalid-data': {
      const error: ParkError = { reason: read.kind, message: describeFailure(stored, read) }
      for (const projection of folding) {
        const found = keyWithoutData(projection, stored)
        if (found.kind === 'skip') continue
        touches.push({ projection, stored, key: found.key, folding: { kind: 'park', error } })
      }
      return undefined
    }
  }
}

function pushTouch(touches: Touch[], projection: RegisteredProjection, stored: StoredEvent, event: DomainEvent): void {
  const park = (message: string): void => {
    touches.push({
      projection,
      stored,
      key: undefined,
      folding: { kind: 'park', error: { reason: 'failed', message } },
    })
  }
  let key: unknown
  try {
    key = projection.projection.key(event)
  } catch (error) {
    park(`key() threw: ${messageOf(error)}`)
    return
  }
  if (key === undefined) return
  const problem = keyProblem(key)
  if (problem !== undefined) park(`key() returned a key that cannot be used: ${problem}`)
  else touches.push({ projection, stored, key: key as string, folding: { kind: 'fold', event } })
}

/**
 * The key of an event whose data cannot be read: known where `key` does not look at the data (the default key, the
 * stream, does not).
 */
function keyWithoutData(
  { projection }: RegisteredProjection,
  stored: StoredEvent,
): { readonly kind: 'skip' } | { readonly kind: 'key'; readonly key: string | undefined } {
  let key: unknown
  try {
    key = projection.key({
      id: stored.id,
      type: stored.type,
      streamId: stored.stream,
      version: stored.version,
      get data(): never {
        throw new TypeError('The data of this event cannot be read.')
      },
      occurredAt: stored.occurredAt,
      principal: stored.principal,
    })
  } catch {
    return { kind: 'key', key: undefined }
  }
  if (key === undefined) return { kind: 'skip' }
  return { kind: 'key', key: keyProblem(key) === undefined ? (key as string) : undefined }
}

export function describeFailure(stored: StoredEvent, failure: ReadFailure): string {
  const which = `Event ${stored.id} (${stored.type}, version ${stored.version} of ${stored.stream})`
  switch (failure.kind) {
    case 'unknown-type':
      return `${which} is of a type this code does not declare.`
    case 'newer-schema':
      return `${which} has schema version ${failure.stored}; this code knows versions up to ${failure.known}.`
    case 'missing-upcaster':
      return `${which} has schema version ${stored.schema}, and no upcaster leads on from version ${failure.from}.`
    case 'upcaster-failed':
      return `${which}: the upcaster from version ${failure.from} threw: ${failure.message}`
    case 'invalid-data':
      return `${which} does not match its schema: ${failure.issues
        .slice(0, 5)
        .map((issue) => `${issue.path === '' ? 'data' : issue.path}: ${issue.message}`)
        .join('; ')}`
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
