import {
  decideCommand,
  evolveState,
  initialState,
  readCommand,
  type AnyAggregate,
  type Decided,
  type Domain,
  type Principal,
  type ReadFailure,
  type StoredCommand,
  type VersionedState,
} from '@tidemark/core'
import { isSamePrediction } from './prediction.ts'
import type { PendingRecord, Prediction } from './records.ts'

export interface Decider {
  readonly domain: Domain
  readonly principal: Principal
}

/**
 * Confirmed state of a stream as far as this device can know it: `undefined` where it cannot. A stream whose first
 * pending command was decided on version 0 is known to be new until the server says otherwise.
 */
export function knownState(
  aggregate: AnyAggregate,
  confirmed: VersionedState | undefined,
  tail: readonly Pick<PendingRecord, 'base'>[],
): VersionedState | undefined {
  if (confirmed !== undefined) return confirmed
  return tail.some((command) => command.base !== null && command.base.version === 0)
    ? initialState(aggregate)
    : undefined
}

/** State after the pending events of a stream. */
export function stateAfter(
  aggregate: AnyAggregate,
  from: VersionedState,
  tail: readonly Pick<PendingRecord, 'prediction' | 'attention'>[],
): VersionedState {
  let current = from
  for (const command of tail) {
    if (command.attention !== null || command.prediction.kind !== 'events') continue
    for (const event of command.prediction.events) current = evolveState(aggregate, current, event)
  }
  return current
}

/** A command that this code cannot read; why, as a word for programs. */
export interface Unread {
  readonly kind: 'unread'
  readonly reason: ReadFailure['kind'] | 'retired'
  readonly message: string
}

/** Decides a stored command as it is today: upcast, validated, on the given state. */
export function decideStored(
  { domain, principal }: Decider,
  aggregate: AnyAggregate,
  command: StoredCommand & { readonly occurredAt: string },
  current: VersionedState,
): Decided | Unread {
  const read = readCommand(domain, command)
  if (read.kind !== 'command') {
    const message = `"${command.type}" cannot be read by this version of the app: ${read.kind}`
    return { kind: 'unread', reason: read.kind, message }
  }
  if (read.command.retired) return { kind: 'unread', reason: 'retired', message: `"${command.type}" is retired` }
  return decideCommand({
    aggregate,
    command: read.command,
    input: read.input,
    current,
    principal,
    commandId: command.id,
    streamId: command.stream,
    occurredAt: command.occurredAt,
  })
}

/**
 * Decides the pending commands of one stream again, in their order, on the confirmed state as it is now. Nothing is
 * dropped: what does not hold any more says so and goes to the server all the same. Set-aside and queued commands are
 * left as they are. Pure.
 *
 * @returns the commands whose prediction changed, with the new one.
 */
export function rebaseStream(
  decider: Decider,
  aggregate: AnyAggregate,
  confirmed: VersionedState | undefined,
  commands: readonly PendingRecord[],
): PendingRecord[] {
  const changed: PendingRecord[] = []
  let current = knownState(aggregate, confirmed, commands)
  for (const command of commands) {
    if (command.attention !== null || command.prediction.kind === 'queued') continue
    let prediction: Prediction
    if (current === undefined) {
      // The state went out of sight. Folding over nothing would show a row that nobody has.
      prediction = { kind: 'queued' }
    } else {
      const decided = decideStored(decider, aggregate, command, current)
      switch (decided.kind) {
        case 'events':
          prediction = { kind: 'events', events: decided.events }
          current = decided.after
          break
        case 'refused':
          prediction = { kind: 'no-longer-holds', code: decided.code, params: decided.params }
          break
        case 'unread': {
          const { reason, message } = decided
          prediction = { kind: 'no-longer-holds', code: 'cannot_read', params: { reason, message } }
          break
        }
        case 'failed':
          prediction = { kind: 'no-longer-holds', code: 'cannot_decide', params: { message: decided.message } }
          break
      }
    }
    if (!isSamePrediction(prediction, command.prediction)) changed.push({ ...command, prediction })
  }
  return changed
}
