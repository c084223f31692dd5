import { Dexie } from 'dexie'
import { databaseNameOf } from './database.ts'
import { toExport } from './export-pending.ts'
import { keepJournal } from './journal/keep-journal.ts'
import { browserPlatform, type Platform } from './platform.ts'
import type { Rescue, RescueOptions } from './rescue.ts'

/** Looks what the second copy has. */
export async function openRescue({ domain, principal, ...options }: RescueOptions): Promise<Rescue> {
  const platform: Platform = { ...browserPlatform(), ...options.platform }
  const name = options.databaseName ?? databaseNameOf(domain, principal)
  const journal = keepJournal({ name, platform, onState: () => undefined })
  const contents = await journal.contents
  journal.close()
  const commands = contents?.live.map(({ command }) => command)
  return {
    unsent: commands === undefined ? null : toExport(domain, principal, commands, platform.now()),
    rebuild: async () => {
      const { indexedDB, keyRange } = platform
      await new Dexie(name, { indexedDB, IDBKeyRange: keyRange }).delete()
    },
  }
}
