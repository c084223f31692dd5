import type { SyncState } from './sync-state.ts'
import type { SyncStatus } from './tidemark-client.ts'

/** What a person is shown. Only evidence moves it: a retry under way still shows why the last try failed. */
export function connectionOf(state: SyncState): SyncStatus['connection'] {
  switch (state.kind) {
    case 'live':
      return 'live'
    case 'idle':
      return 'connecting'
    case 'closed':
      return 'offline'
    case 'pulling':
    case 'connecting':
    case 'waiting':
      return state.shown
  }
}
