import type { Uuid } from '@tidemark/core'

/**
 * How many commands the next push may carry. A command that breaks every push it is part of (the server fails on it, or
 * never answers) must not hold up the others: pushes get narrower until it is alone, and from then on it goes alone.
 */
export interface PushWidth {
  readonly commands: number
  /** Commands that a push has failed with although nothing else was in it. */
  readonly suspects: ReadonlySet<Uuid>
}

/** After a push that failed while the server was within reach. */
export function narrowed(width: PushWidth, batch: readonly { readonly id: Uuid }[]): PushWidth {
  const [first] = batch
  if (first === undefined) return width
  if (batch.length > 1) return { ...width, commands: Math.floor(batch.length / 2) }
  return { ...width, suspects: new Set([...width.suspects, first.id]) }
}

/** After a push that was answered. */
export function widened(width: PushWidth, batch: readonly { readonly id: Uuid }[]): PushWidth {
  const commands = width.commands * 2
  if (width.suspects.size === 0) return { ...width, commands }
  const suspects = new Set(width.suspects)
  for (const { id } of batch) suspects.delete(id)
  return { commands, suspects }
}
