import { messageOf } from '../interpret-events.ts'
import type { Guarded, RunGuarded } from '../run-guarded.ts'

/**
 * Runs the app's code on each item: all under one guard, which costs as much as the work on many items; only where one of
 * them does not end each gets its own.
 *
 * @throws what `runGuarded` throws.
 */
export function guardEach<Item, T>(
  runGuarded: RunGuarded,
  items: readonly Item[],
  work: (item: Item) => T,
): readonly Guarded<T>[] {
  const all = runGuarded(() => items.map((item) => attempt(() => work(item))))
  return all.kind === 'done' ? all.value : items.map((item) => runGuarded(() => work(item)))
}

function attempt<T>(work: () => T): Guarded<T> {
  try {
    return { kind: 'done', value: work() }
  } catch (error) {
    return { kind: 'failed', hung: false, message: messageOf(error) }
  }
}
