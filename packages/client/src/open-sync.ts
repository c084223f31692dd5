import { createSyncProcess, type SyncProcess, type SyncProcessOptions } from './sync-process.ts'
import { createSyncStorage, type SyncStorageOptions } from './sync-storage.ts'

export type SyncOptions = Omit<SyncProcessOptions, 'storage'> & SyncStorageOptions

export interface Sync extends SyncProcess {
  /** Part of the watch over what stalls (I13). */
  askAgain(): Promise<void>
}

/** The network loop over this device's storage. */
export function openSync(options: SyncOptions): Sync {
  const storage = createSyncStorage(options)
  return Object.assign(createSyncProcess({ ...options, storage }), { askAgain: () => storage.askAgain() })
}
