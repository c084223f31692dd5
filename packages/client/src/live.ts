/**
 * A value that changes. `get()` returns the same reference until something in it changed, so it can feed
 * `useSyncExternalStore` and memo comparisons as it is.
 */
export interface Live<T> {
  get(): T
  /** The listener is called after a change, once per change. Returns the way to stop. */
  subscribe(listener: () => void): () => void
}

/** A row that is still on its way from storage: neither there nor known to be absent. */
export const LOADING: unique symbol = Symbol('tidemark.loading')
export type Loading = typeof LOADING

/** A live value that is computed from others, again only when they changed and somebody looks. */
export interface Derived<T> extends Live<T> {
  /** What it is computed from has changed. */
  invalidate(): void
  /** Computes it where it is watched. Returns its listeners where the value changed. */
  settle(): Iterable<() => void>
  readonly watched: boolean
}

export interface DerivedHooks {
  /** Somebody looks at it: `get`, or a first listener. */
  onLook?(): void
}

/** `compute` returns the previous value itself where nothing changed. */
export function createDerived<T>(compute: (previous: T | undefined) => T, hooks: DerivedHooks = {}): Derived<T> {
  const listeners = new Set<() => void>()
  let stale = true
  let value: T | undefined
  const refresh = (): T => {
    if (stale) {
      stale = false
      value = compute(value)
    }
    return value as T
  }
  return {
    get: () => {
      hooks.onLook?.()
      return refresh()
    },
    subscribe: (listener) => {
      // A fresh function each time: the same listener subscribed twice (StrictMode) must be told until both have left.
      const entry = (): void => listener()
      listeners.add(entry)
      hooks.onLook?.()
      refresh()
      return () => {
        listeners.delete(entry)
      }
    },
    invalidate: () => {
      stale = true
    },
    settle: () => {
      if (!stale || listeners.size === 0) return []
      const before = value
      return Object.is(before, refresh()) ? [] : [...listeners]
    },
    get watched() {
      return listeners.size > 0
    },
  }
}

/** Reuses the elements of a previous list that are equal to new ones, and the list itself where all are. */
export function reuseList<T>(
  previous: readonly T[] | undefined,
  next: readonly T[],
  same: (a: T, b: T) => boolean,
  idOf: (item: T) => string,
): readonly T[] {
  if (previous === undefined) return next
  const known = new Map(previous.map((item) => [idOf(item), item]))
  let changed = previous.length !== next.length
  const reused = next.map((item, index) => {
    const before = known.get(idOf(item))
    const kept = before !== undefined && same(before, item) ? before : item
    if (kept !== previous[index]) changed = true
    return kept
  })
  return changed ? reused : previous
}
