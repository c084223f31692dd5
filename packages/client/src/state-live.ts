import type { VersionedState } from '@tidemark/core'
import { LOADING, type Live, type Loading } from './live.ts'
import type { SyncedRow, SyncedState } from './tidemark-client.ts'

/** A state row in the shape of a state; the same object while the row is. */
export function stateLive(row: Live<SyncedRow<unknown> | undefined | Loading>): Live<SyncedState<unknown> | undefined> {
  let source: SyncedRow<unknown> | undefined
  let state: SyncedState<unknown> | undefined
  return {
    get: () => {
      const current = row.get()
      if (current === LOADING || current === undefined) return undefined
      if (current !== source) {
        source = current
        const { version, state: value } = current.row as VersionedState
        const { key, pending, attention, stale } = current
        state = { stream: key, version, state: value, pending, attention, stale }
      }
      return state
    },
    subscribe: (listener) => row.subscribe(listener),
  }
}
