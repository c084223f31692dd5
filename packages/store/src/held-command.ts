/**
 * The answer of a command that was held back behind an earlier request with the same id. Pure.
 */
import type {
  AppendAnswer,
  CommandIdentity,
  CommandResult,
  EncodedAppend,
  EncodedSettle,
  SettleAnswer,
} from '@tidemark/core'

/** Answers that an append and a settle can both get. */
export type SharedAnswer = AppendAnswer & SettleAnswer

/** `'ask'`: the first request left no result, so the held one must be tried itself. */
export function answerHeld(
  first: EncodedAppend | EncodedSettle,
  answer: AppendAnswer | SettleAnswer,
  held: CommandIdentity,
): SharedAnswer | 'ask' {
  switch (answer.kind) {
    case 'appended':
    case 'settled':
    case 'duplicate': {
      const result = answer.kind === 'duplicate' ? answer.result : resultOf(first, answer)
      return result.hash === held.hash ? { kind: 'duplicate', result } : { kind: 'command-reused' }
    }
    case 'checked':
    case 'conflict':
    case 'stream-closed':
    case 'invalid':
    case 'command-reused':
      return 'ask'
    case 'overloaded':
    case 'unavailable':
      return answer
  }
}

function resultOf(
  first: EncodedAppend | EncodedSettle,
  answer: Extract<AppendAnswer | SettleAnswer, { kind: 'appended' | 'settled' }>,
): CommandResult {
  const where = { stream: first.stream, lane: answer.lane, position: answer.position, hash: first.command?.hash ?? '' }
  if (answer.kind === 'appended') return { kind: 'accepted', version: answer.version, ...where }
  if (first.kind === 'append') throw new Error('An append was answered as if it were a settle.')
  return first.code === null
    ? { kind: 'accepted', version: first.version ?? 0, ...where }
    : { kind: 'refused', code: first.code, params: JSON.parse(first.params ?? '{}'), ...where }
}
