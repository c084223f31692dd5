import type { ReactNode } from 'react'
import type { AttentionReason } from '@tidemark/client'
import { refusalWords, words, type RefusalWords } from '../words.ts'

/** Why it was not taken, in the words of the trade, and what can be done. */
export function ReasonNote({ reason }: { readonly reason: Exclude<AttentionReason, { kind: 'conflict' }> }): ReactNode {
  const { why, next } = wordsFor(reason)
  return (
    <div className="text-sm">
      <p>{why}</p>
      <p className="mt-1 text-soft">{next}</p>
    </div>
  )
}

function wordsFor(reason: Exclude<AttentionReason, { kind: 'conflict' }>): RefusalWords {
  switch (reason.kind) {
    case 'refused':
      return refusalWords(reason.code, reason.params)
    case 'no-longer-holds': {
      const { why, next } = refusalWords(reason.code, reason.params)
      return { why, next: `${words.problems.stillUndecided} ${next}` }
    }
    case 'invalid':
      return { why: words.problems.serverRefusedInput, next: reason.issues.map((issue) => issue.message).join(' ') }
    case 'forbidden':
      return { why: words.problems.forbidden, next: words.problems.forbiddenByServer }
  }
}
