import type { AppendAnswer, CommandResult, JsonIssue, PushAnswer, SettleAnswer, ValidationIssue } from '@tidemark/core'

type Invalid = Extract<PushAnswer, { kind: 'invalid' }>
type Retry = Extract<PushAnswer, { kind: 'retry' }>

/** Makes the token of a write that was stored. */
export type TokenOf = (lane: number, position: number) => string

export function invalid(reason: Invalid['reason'], issues: readonly ValidationIssue[] = []): Invalid {
  return { kind: 'invalid', reason, issues: issues.map(({ path, message }) => ({ path, message })) }
}

export function unstorable(issue: JsonIssue): Invalid {
  return invalid('unstorable', [{ path: issue.path, message: issue.code }])
}

/** Milliseconds after which to ask again, per reason. The client spreads them itself. */
const RETRY_AFTER_MS: Readonly<Record<Retry['reason'], number>> = {
  overloaded: 500,
  unavailable: 1_000,
  predecessor: 1_000,
  contention: 200,
}

export function retry(reason: Retry['reason'], after: number = RETRY_AFTER_MS[reason]): Retry {
  return { kind: 'retry', after, reason }
}

/** The first result of a command, told again. */
export function fromResult(result: CommandResult, tokenOf: TokenOf): PushAnswer {
  switch (result.kind) {
    case 'accepted':
      return {
        kind: 'accepted',
        version: result.version,
        token: tokenOf(result.lane, result.position),
        rebased: false,
      }
    case 'refused':
      return { kind: 'refused', code: result.code, params: { ...result.params } }
  }
}

/** What the store said other than that it wrote, or that the version was stale. */
export function fromStore(
  answer: Exclude<
    AppendAnswer | SettleAnswer,
    { kind: 'appended' | 'checked' | 'settled' | 'conflict' | 'stream-closed' }
  >,
  tokenOf: TokenOf,
): PushAnswer {
  switch (answer.kind) {
    case 'duplicate':
      return fromResult(answer.result, tokenOf)
    case 'command-reused':
      return invalid('command_reused')
    case 'invalid':
      return invalid(
        'unstorable',
        answer.issues.map((issue) => ({ path: issue.path, message: issue.code })),
      )
    case 'overloaded':
      return retry('overloaded', answer.retryAfterMs)
    case 'unavailable':
      return retry('unavailable', answer.retryAfterMs)
  }
}
