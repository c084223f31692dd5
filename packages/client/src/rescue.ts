import type { Domain, Principal } from '@tidemark/core'
import type { Platform } from './platform.ts'
import type { PendingExport } from './tidemark-client.ts'

export interface RescueOptions {
  readonly domain: Domain
  readonly principal: Principal
  /** As given to `createClient`. */
  readonly databaseName?: string
  readonly platform?: Partial<Platform>
}

/** What can be done where the browser cannot open this person's database. */
export interface Rescue {
  /** What the second copy has of unsent commands; `null` where there is none, or it cannot be read either. */
  readonly unsent: PendingExport | null
  /** Deletes the database, and nothing else. Opened again, it takes unsent commands from the second copy. */
  rebuild(): Promise<void>
}

/**
 * For a person to decide on when `createClient` rejects with `DatabaseUnavailableError`. Changes nothing by itself. Rejects
 * where this part of the program cannot be fetched.
 */
export async function rescueDevice(options: RescueOptions): Promise<Rescue> {
  const { openRescue } = await import('./open-rescue.ts')
  return await openRescue(options)
}
