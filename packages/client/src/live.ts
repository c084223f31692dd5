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
