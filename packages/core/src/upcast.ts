import type { Json } from './stored-json.ts'
import { validate, type ValidationIssue } from './schema.ts'
import type { DomainEvent } from './event.ts'
import type { Upcasts } from './upcast-chain.ts'
import type { CommandDefinition, StoredCommand } from './command.ts'
import type { Domain } from './domain.ts'

/** Why something stored cannot be read by this code. Each needs a different human answer, so each has its own kind. */
export type ReadFailure =
  /** No aggregate of the domain declares the type. */
  | { readonly kind: 'unknown-type'; readonly type: string }
  /** Written by newer code than this. */
  | { readonly kind: 'newer-schema'; readonly type: string; readonly stored: number; readonly known: number }
  /** No upcaster leads from this version to the next. */
  | { readonly kind: 'missing-upcaster'; readonly type: string; readonly from: number }
  /** An upcaster threw. */
  | { readonly kind: 'upcaster-failed'; readonly type: string; readonly from: number; readonly message: string }
  /** After all upcasts the data does not match the current schema. */
  | { readonly kind: 'invalid-data'; readonly type: string; readonly issues: readonly ValidationIssue[] }

/** The part of a stored event that reading needs; a {@link StoredEvent} has it. */
export interface ReadableEvent {
  readonly id: string
  readonly type: string
  readonly schema: number
  readonly stream: string
  readonly version: number
  readonly data: Json
  readonly occurredAt: string
  readonly principal: string
}

/** Upcasts and validates a stored event. The only way from the log to `evolve` and projections. */
export function readEvent(
  domain: Domain,
  stored: ReadableEvent,
): { readonly kind: 'event'; readonly event: DomainEvent } | ReadFailure {
  const definition = domain.eventsByType.get(stored.type)
  if (definition === undefined) return { kind: 'unknown-type', type: stored.type }
  const current = toCurrent(stored.type, stored.schema, definition.version, definition.upcast, stored.data)
  if (current.kind !== 'current') return current
  const checked = validate(definition.schema, current.data)
  if (!checked.ok) return { kind: 'invalid-data', type: stored.type, issues: checked.issues }
  return {
    kind: 'event',
    event: {
      id: stored.id,
      type: stored.type,
      streamId: stored.stream,
      version: stored.version,
      data: checked.value,
      occurredAt: stored.occurredAt,
      principal: stored.principal,
    },
  }
}

/** Upcasts and validates a stored command's input. The stored command itself never changes. */
export function readCommand(
  domain: Domain,
  stored: Pick<StoredCommand, 'type' | 'schema' | 'input'>,
): { readonly kind: 'command'; readonly command: CommandDefinition; readonly input: unknown } | ReadFailure {
  const command = domain.commandsByType.get(stored.type)
  if (command === undefined) return { kind: 'unknown-type', type: stored.type }
  const current = toCurrent(stored.type, stored.schema, command.version, command.upcast, stored.input)
  if (current.kind !== 'current') return current
  const checked = validate(command.schema, current.data)
  if (!checked.ok) return { kind: 'invalid-data', type: stored.type, issues: checked.issues }
  return { kind: 'command', command, input: checked.value }
}

function toCurrent(
  type: string,
  stored: number,
  known: number,
  upcasts: Upcasts,
  data: Json,
): { readonly kind: 'current'; readonly data: unknown } | ReadFailure {
  if (stored > known) return { kind: 'newer-schema', type, stored, known }
  let current: unknown = data
  for (let from = stored; from < known; from++) {
    const upcast = upcasts[from] as ((data: unknown) => unknown) | undefined
    if (upcast === undefined) return { kind: 'missing-upcaster', type, from }
    try {
      current = upcast(current)
    } catch (error) {
      return { kind: 'upcaster-failed', type, from, message: error instanceof Error ? error.message : String(error) }
    }
  }
  return { kind: 'current', data: current }
}
