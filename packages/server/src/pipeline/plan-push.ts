import type { CommandResult, PushAnswer } from '@tidemark/core'
import { fromResult, invalid, type TokenOf } from './answers.ts'
import type { Screened, ScreenedCommand } from './screen-command.ts'

/** What is to be done about one command of a push. Indexes are places in the push. */
export type Step =
  | { readonly kind: 'answered'; readonly answer: PushAnswer }
  /** The same command stands earlier in the push. */
  | { readonly kind: 'as'; readonly index: number }
  | { readonly kind: 'judge'; readonly command: ScreenedCommand; readonly predecessor: Predecessor }

/** The author's own previous command, which must have been accepted. */
export type Predecessor = 'none' | 'accepted' | 'missing' | { readonly index: number }

/** Ids whose results decide what is to be done: the commands' own, and those of predecessors outside the push. */
export function idsToLookUp(screened: readonly Screened[]): readonly string[] {
  const ids = new Set<string>()
  for (const one of screened) {
    if (one.kind !== 'screened') continue
    ids.add(one.command.pushed.id)
    const after = one.command.pushed.base?.after
    if (typeof after === 'string') ids.add(after)
  }
  return [...ids]
}

/** Sorts a push by what is known of its commands already. Pure. */
export function planPush(
  screened: readonly Screened[],
  results: ReadonlyMap<string, CommandResult>,
  tokenOf: TokenOf,
): readonly Step[] {
  const firstById = new Map<string, { readonly index: number; readonly hash: string }>()
  return screened.map((one, index): Step => {
    if (one.kind === 'answer') return { kind: 'answered', answer: one.answer }
    const { pushed, hash } = one.command
    const result = results.get(pushed.id)
    if (result !== undefined) {
      return {
        kind: 'answered',
        answer: result.hash === hash ? fromResult(result, tokenOf) : invalid('command_reused'),
      }
    }
    const first = firstById.get(pushed.id)
    if (first !== undefined) {
      return first.hash === hash
        ? { kind: 'as', index: first.index }
        : { kind: 'answered', answer: invalid('command_reused') }
    }
    // A command that stands later in the push cannot be a predecessor; nor can one that nobody knows.
    const after = pushed.base?.after ?? null
    const earlier = after === null ? undefined : firstById.get(after)
    firstById.set(pushed.id, { index, hash })
    let predecessor: Predecessor = 'none'
    if (earlier !== undefined) predecessor = { index: earlier.index }
    else if (after !== null) predecessor = results.get(after)?.kind === 'accepted' ? 'accepted' : 'missing'
    return { kind: 'judge', command: one.command, predecessor }
  })
}
