import {
  commandHash,
  readCommand,
  toStoredJson,
  WIRE_LIMITS,
  type AnyAggregate,
  type CommandDefinition,
  type Domain,
  type Principal,
  type PushAnswer,
  type PushedCommand,
} from '@tidemark/core'
import { invalid, unstorable } from './answers.ts'

/** A command that may be looked up: storable, known, and addressed to a stream of its own aggregate. */
export interface ScreenedCommand {
  readonly pushed: PushedCommand
  readonly aggregate: AnyAggregate
  readonly command: CommandDefinition
  /** Hash of its immutable part. */
  readonly hash: string
}

/** A command that may be decided: its author may send it, and its input is one of the current schema. */
export interface AdmittedCommand extends ScreenedCommand {
  /** Upcast and validated. */
  readonly input: unknown
}

export type Screened =
  | { readonly kind: 'screened'; readonly command: ScreenedCommand }
  | { readonly kind: 'answer'; readonly answer: PushAnswer }

export type Admitted =
  | { readonly kind: 'admitted'; readonly command: AdmittedCommand }
  | { readonly kind: 'answer'; readonly answer: PushAnswer; readonly thrown?: unknown }

/** All that can be said of a command before anything is looked up. Cheapest checks and limits first. */
export function screenCommand(domain: Domain, pushed: PushedCommand): Screened {
  const stored = toStoredJson(pushed.input, { maxLength: WIRE_LIMITS.inputLength })
  if (!stored.ok) return { kind: 'answer', answer: unstorable(stored.issue) }
  const command = domain.commandsByType.get(pushed.type)
  if (command === undefined) return { kind: 'answer', answer: invalid('unknown_command') }
  const aggregate = domain.aggregateOf(pushed.stream)
  if (aggregate === undefined || aggregate.name !== command.aggregate) {
    return { kind: 'answer', answer: invalid('unknown_stream') }
  }
  if (pushed.base?.after === pushed.id) {
    return {
      kind: 'answer',
      answer: invalid('malformed', [{ path: 'base.after', message: 'a command cannot follow itself' }]),
    }
  }
  return { kind: 'screened', command: { pushed, aggregate, command, hash: commandHash(pushed) } }
}

/** Rights first, as they are now; then the input. */
export function admitCommand(domain: Domain, principal: Principal, screened: ScreenedCommand): Admitted {
  const { command, pushed } = screened
  try {
    if (!command.allow(principal)) return { kind: 'answer', answer: { kind: 'forbidden' } }
  } catch (thrown) {
    return { kind: 'answer', answer: { kind: 'forbidden' }, thrown }
  }
  if (command.retired) return { kind: 'answer', answer: invalid('retired') }
  try {
    const read = readCommand(domain, pushed)
    switch (read.kind) {
      case 'command':
        return { kind: 'admitted', command: { ...screened, input: read.input } }
      case 'unknown-type':
        return { kind: 'answer', answer: invalid('unknown_command') }
      case 'newer-schema':
        return { kind: 'answer', answer: invalid('newer_schema') }
      case 'missing-upcaster':
        return { kind: 'answer', answer: invalid('missing_upcaster') }
      case 'upcaster-failed':
        // Upcasters see input before any schema has: what makes one throw is nearly always the input.
        return {
          kind: 'answer',
          answer: invalid('invalid_input', [{ path: '', message: `not an input of version ${String(pushed.schema)}` }]),
        }
      case 'invalid-data':
        return { kind: 'answer', answer: invalid('invalid_input', read.issues) }
    }
  } catch (thrown) {
    // A schema that throws, or answers with a promise, is a bug of the domain.
    return { kind: 'answer', answer: invalid('domain_error'), thrown }
  }
}
