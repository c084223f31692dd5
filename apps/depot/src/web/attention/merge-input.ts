import type { Attention } from '@tidemark/client'
import { mergeFields, type FieldMerge } from '@tidemark/core'
import { Order, type OrderState } from '@tidemark/depot/domain'

/** What a state already says in the shape of a command's input; `undefined` where it says nothing. */
const inputIn: Readonly<Record<string, (order: OrderState, input: { readonly line?: string }) => object | undefined>> =
  {
    [Order.commands.setNote.type]: ({ note }) => ({ note }),
    [Order.commands.changeCustomer.type]: ({ customer }) => ({ customer }),
    [Order.commands.changeQuantity.type]: ({ lines }, { line = '' }) =>
      lines[line] === undefined ? undefined : { line, quantity: lines[line].quantity },
  }

/**
 * What was entered, merged field by field with what the others made of the same fields meanwhile. `undefined` where the
 * command does not set fields, or one of the versions is not known.
 */
export function mergeInput({ type, input, reason }: Attention): FieldMerge<object> | undefined {
  const view = inputIn[type]
  if (view === undefined || reason.kind !== 'conflict') return undefined
  const [base, theirs] = [reason.base?.state, reason.theirs.state].map((state) =>
    state === undefined || state === null ? undefined : view(state as OrderState, input as { readonly line?: string }),
  )
  if (base === undefined || theirs === undefined) return undefined
  return mergeFields<object>({ base, mine: input as object, theirs })
}

/** Whether both can have what they wanted: they changed different fields. */
export function suitsBoth(merge: FieldMerge<object> | undefined): merge is FieldMerge<object> {
  return merge !== undefined && merge.conflicts.length === 0 && merge.changes.some(({ by }) => by === 'theirs')
}
