import { Dexie } from 'dexie'
import type { Domain, Principal } from '@tidemark/core'
import { databaseNameOf } from './database.ts'
import { toExport } from './export-pending.ts'
import { browserPlatform, type Platform } from './platform.ts'
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

/** For a person to decide on when `createClient` rejects with `DatabaseUnavailableError`. Changes nothing by itself. */
export async function rescueDevice(options: RescueOptions): Promise<Rescue> {
  const { domain, principal } = options
  const platform: Platform = { ...browserPlatform(), ...options.platform }
  const name = options.databaseName ?? databaseNameOf(domain, principal)
  // Rarely needed: in a part of the program of its own.
  const { keepJournal } = await import('./journal/keep-journal.ts')
  const journal = keepJournal({ name, platform, onState: () => undefined })
  const contents = await journal.contents
  journal.close()
  return {
    unsent:
      contents === null
        ? null
        : toExport(
            domain,
            principal,
            contents.live.map(({ command }) => command),
            platform.now(),
          ),
    rebuild: async () => {
      const { indexedDB, keyRange } = platform
      await new Dexie(name, { indexedDB, IDBKeyRange: keyRange }).delete()
    },
  }
}
