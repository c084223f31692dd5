import type { Live } from '@tidemark/client'

/** The part of a zustand store that reading needs: what `useStore` takes. */
export interface ReadonlyStore<T> {
  getState(): T
  getInitialState(): T
  subscribe(listener: (state: T, previous: T) => void): () => void
}

const stores = new WeakMap<Live<never>, ReadonlyStore<never>>()

/**
 * A live value as a zustand store: for `useStore` with a selector, and for zustand's middleware-free tools outside
 * React. The same live value always gives the same store, so hooks never subscribe twice.
 *
 * @example
 * const count = useStore(storeOf(client.pending), (pending) => pending.length)
 */
export function storeOf<T>(live: Live<T>): ReadonlyStore<T> {
  const known = stores.get(live as Live<never>)
  if (known !== undefined) return known as unknown as ReadonlyStore<T>
  const store: ReadonlyStore<T> = {
    getState: () => live.get(),
    getInitialState: () => live.get(),
    subscribe: (listener) => {
      let previous = live.get()
      return live.subscribe(() => {
        const before = previous
        previous = live.get()
        listener(previous, before)
      })
    },
  }
  stores.set(live as Live<never>, store as unknown as ReadonlyStore<never>)
  return store
}
