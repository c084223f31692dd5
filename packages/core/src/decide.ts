import { toStoredJson, type Json, type JsonObject } from './stored-json.ts'
import { validate, type ValidationIssue } from './schema.ts'
import { hash128 } from './hash.ts'
import { deriveId, type StreamId, type Uuid } from './id.ts'
import { evolveState, type AnyAggregate, type VersionedState } from './aggregate.ts'
import type { CommandDefinition, ConflictChoice, DecideContext, Decision, Refusal, StoredCommand } from './command.ts'
import type { DomainEvent, Emitted } from './event.ts'
import type { Principal } from './principal.ts'

/** A decided event: what browser and server both derive from the same command on the same state, ids included. */
export interface DecidedEvent extends DomainEvent {
  readonly schema: number
  readonly data: Json
}

export type Decided =
  /** May be empty: the command holds and changes nothing. */
  | { readonly kind: 'events'; readonly events: readonly DecidedEvent[]; readonly after: VersionedState }
  | { readonly kind: 'refused'; readonly code: string; readonly params: JsonObject }
  /** `decide` or `evolve` threw, or emitted data that its own schema refuses: an error in the domain's code. */
  | { readonly kind: 'failed'; readonly message: string; readonly issues: readonly ValidationIssue[] }

export interface DecideRequest {
  readonly aggregate: AnyAggregate
  readonly command: CommandDefinition
  /** Upcast and validated. */
  readonly input: unknown
  readonly current: VersionedState
  readonly principal: Principal
  readonly commandId: Uuid
  readonly streamId: StreamId
  readonly occurredAt: string
}

/**
 * Runs a command's `decide` and folds what it emits. Pure: the same request gives the same answer everywhere, which
 * is what lets a device show the outcome before the server has it.
 */
export function decideCommand(request: DecideRequest): Decided {
  const { aggregate, command, current, principal, commandId, streamId, occurredAt } = request
  const scoped = (...parts: readonly string[]): Uuid => deriveId(commandId, principal.tenant, principal.id, ...parts)
  const ctx: DecideContext = {
    emit: emitOf(aggregate),
    refuse: (code, params = {}) => ({ kind: 'refusal', code, params }),
    principal,
    streamId,
    occurredAt,
    id: (label = '') => derivedIdOf(commandId, principal, label),
  }
  try {
    const decide = command.decide as (state: unknown, input: unknown, ctx: DecideContext) => Decision<never, string>
    const decision = decide(command.policy === 'merge' ? undefined : current.state, request.input, ctx)
    if (isRefusal(decision)) return { kind: 'refused', code: decision.code, params: decision.params }
    const emitted: readonly Emitted[] = Array.isArray(decision) ? decision : [decision as Emitted]
    let after = current
    const events: DecidedEvent[] = []
    for (const [index, one] of emitted.entries()) {
      const event: DecidedEvent = {
        id: scoped('event', String(index)),
        type: `${aggregate.name}.${one.event}`,
        schema: aggregate.events[one.event]?.version ?? 1,
        streamId,
        version: after.version + 1,
        data: one.data,
        occurredAt,
        principal: principal.id,
      }
      after = evolveState(aggregate, after, event)
      events.push(event)
    }
    return { kind: 'events', events, after }
  } catch (error) {
    if (error instanceof EmitError) return { kind: 'failed', message: error.message, issues: error.issues }
    return { kind: 'failed', message: error instanceof Error ? error.message : String(error), issues: [] }
  }
}

/**
 * The id that `ctx.id(label)` hands to the command's `decide`: for callers that must name what an earlier command of
 * theirs made before they have seen its events.
 */
export function derivedIdOf(commandId: Uuid, principal: Pick<Principal, 'tenant' | 'id'>, label = ''): Uuid {
  return deriveId(commandId, principal.tenant, principal.id, 'id', label)
}

/** What a command's conflict policy chooses when others have moved the stream past the version it was decided on. */
export function resolveConflict(
  command: CommandDefinition,
  view: { readonly state: unknown; readonly theirs: readonly DomainEvent[]; readonly input: unknown },
): ConflictChoice<unknown> {
  const { policy } = command
  if (policy === 'merge') return 'rebase'
  if (typeof policy !== 'function') return policy
  return (policy as (view: unknown) => ConflictChoice<unknown>)(view)
}

/** Hash of a command's immutable part. The version it was decided on is outside: it may be renewed, the intent not. */
export function commandHash(command: Omit<StoredCommand, 'id'>): string {
  const input = toStoredJson(command.input)
  return hash128(command.type, String(command.schema), command.stream, input.ok ? input.text : 'unstorable')
}

class EmitError extends Error {
  readonly issues: readonly ValidationIssue[]
  constructor(message: string, issues: readonly ValidationIssue[]) {
    super(message)
    this.issues = issues
  }
}

const emitByAggregate = new WeakMap<AnyAggregate, Record<string, (data: unknown) => Emitted>>()

function emitOf(aggregate: AnyAggregate): Record<string, (data: unknown) => Emitted> {
  const known = emitByAggregate.get(aggregate)
  if (known !== undefined) return known
  const emit: Record<string, (data: unknown) => Emitted> = {}
  for (const [member, definition] of Object.entries(aggregate.events)) {
    emit[member] = (data) => {
      const checked = validate(definition.schema, data)
      if (!checked.ok)
        throw new EmitError(`"${aggregate.name}.${member}" was emitted with invalid data`, checked.issues)
      const stored = toStoredJson(checked.value)
      if (!stored.ok) {
        throw new EmitError(`"${aggregate.name}.${member}" was emitted with data that cannot be stored`, [
          { path: stored.issue.path, message: stored.issue.code },
        ])
      }
      return { kind: 'emitted', event: member, data: stored.value }
    }
  }
  emitByAggregate.set(aggregate, emit)
  return emit
}

function isRefusal(decision: Decision<never, string>): decision is Refusal {
  return !Array.isArray(decision) && (decision as Refusal | Emitted).kind === 'refusal'
}
