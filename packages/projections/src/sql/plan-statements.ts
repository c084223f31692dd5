import type { AnyProjection, StoredEvent } from '@tidemark/core'
import { messageOf, type ParkError, type Touch } from '../interpret-events.ts'
import type { ParkedEvent } from '../fold-batch.ts'
import type { SqlProjection, SqlStatement } from './sql-projection.ts'

/** The name under which a SQL projection stands in the catalogue, where fold projections may have the same one. */
export function catalogueName(name: string): string {
  return `sql:${name}`
}

/** What the reading of events asks of a projection: which types, and that its events are held up by stream. */
export function toReadable(projection: SqlProjection): AnyProjection {
  const { version, aggregates, types } = projection
  const unused = (): never => {
    throw new Error('A SQL projection has no rows to fold.')
  }
  return {
    name: catalogueName(projection.name),
    version,
    aggregates,
    types,
    indexes: {},
    key: (event) => event.streamId,
    fold: unused,
    scope: unused,
    isRow: unused,
    definition: projection.definition,
  }
}

export interface SqlPlan {
  /** In order. */
  readonly statements: readonly SqlStatement[]
  readonly parked: readonly ParkedEvent[]
  /** The events that made statements. */
  readonly applied: readonly StoredEvent[]
}

/** Identity of what is held up together. */
export function streamKey(tenant: string, stream: string): string {
  return `${tenant}\n${stream}`
}

/**
 * What a batch of events writes. An event that cannot be read, or that the projection's code throws on, is parked, and
 * later events of its stream behind it; other streams go on. Pure.
 */
export function planStatements(
  projection: SqlProjection,
  touches: readonly Touch[],
  stored: {
    /** {@link streamKey} of streams that have parked events. */
    readonly parkedStreams: ReadonlySet<string>
    /** Positions that a person took out for good. */
    readonly skipped: ReadonlySet<number>
    /** Events that failed when they were tried alone, by position, and how. */
    readonly refused: ReadonlyMap<number, string>
  },
): SqlPlan {
  const held = new Set(stored.parkedStreams)
  const statements: SqlStatement[] = []
  const parked: ParkedEvent[] = []
  const applied: StoredEvent[] = []
  for (const touch of touches) {
    const event = touch.stored
    if (stored.skipped.has(event.position)) continue
    const stream = streamKey(event.tenant, event.stream)
    if (held.has(stream)) {
      parked.push(toParked(touch, { reason: 'behind' }))
      continue
    }
    const made = makeStatements(projection, touch, stored.refused.get(event.position))
    if (made.kind === 'park') {
      held.add(stream)
      parked.push(toParked(touch, made.error))
      continue
    }
    statements.push(...made.statements)
    applied.push(event)
  }
  return { statements, parked, applied }
}

function makeStatements(
  projection: SqlProjection,
  { folding, stored }: Touch,
  refused: string | undefined,
): { kind: 'run'; statements: readonly SqlStatement[] } | { kind: 'park'; error: ParkError } {
  if (folding.kind === 'park') return folding
  if (refused !== undefined) return { kind: 'park', error: { reason: 'failed', message: refused } }
  try {
    const { tenant, recordedAt } = stored
    return { kind: 'run', statements: projection.apply(folding.event, { tenant, recordedAt }) }
  } catch (error) {
    return { kind: 'park', error: { reason: 'failed', message: `apply threw: ${messageOf(error)}` } }
  }
}

function toParked({ projection, stored }: Touch, error: ParkError | { readonly reason: 'behind' }): ParkedEvent {
  const { id: eventId, position, tenant, stream, type } = stored
  return {
    projection: projection.id,
    tenant,
    key: stream,
    by: 'key',
    position,
    reason: error.reason,
    attempts: error.reason === 'behind' ? 0 : 1,
    eventId,
    stream,
    type,
    error: 'message' in error ? { message: error.message } : null,
  }
}

/** Statements as the SQL functions take them: each text once. */
export function encodeStatements(statements: readonly SqlStatement[]): {
  readonly texts: string
  readonly runs: string
} {
  const indexes = new Map<string, number>()
  const runs = statements.map(({ text, values }) => {
    const index = indexes.get(text) ?? indexes.size
    indexes.set(text, index)
    return [index, values.map((value) => (value === null ? null : String(value)))]
  })
  return { texts: JSON.stringify([...indexes.keys()]), runs: JSON.stringify(runs) }
}
