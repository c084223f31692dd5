import { toExport } from './export-pending.ts'
import type { SecondCopy } from './journal/second-copy.ts'
import { withPart } from './part.ts'
import type { Decider } from './rebase.ts'
import type { Replica } from './replica.ts'
import type { Status } from './status.ts'
import { storageFailure } from './storage-failure.ts'
import type { RecoveryReport, TidemarkClient } from './tidemark-client.ts'

export interface UnsentWorkOptions {
  readonly later: () => Promise<typeof import('./after-first-paint.ts')>
  readonly decider: Decider & { readonly now: () => number }
  readonly replica: Replica
  readonly maxPendingBytes: number
  readonly status: Status
  readonly copy: SecondCopy
  /** Tries the network now. */
  readonly sync: () => void
  /** There is something to send. */
  readonly send: () => void
  /** Tells this tab and the others what became of the report. */
  readonly tellRecovery: (report: RecoveryReport | null) => void
  /** Ends this client but for its second copy, and those of the other tabs. */
  readonly leave: () => Promise<void>
  readonly onTrouble: (error: unknown) => void
}

/** What a person can do with work that has not got through: take it along, bring it back, leave it or give it up. */
export function createUnsentWork(
  options: UnsentWorkOptions,
): Pick<TidemarkClient, 'exportPending' | 'importPending' | 'dismissRecovery' | 'signOut'> {
  const { decider, replica, maxPendingBytes, status, copy, sync } = options
  const { database } = replica
  return {
    exportPending: async () => {
      const { value: pending } = await database.read(['pending'], (tables) => tables.pending.orderBy('seq').toArray())
      return toExport(decider.domain, decider.principal, pending, decider.now())
    },
    importPending: (exported) =>
      withPart(options.later, ({ importPending }) =>
        importPending(
          { ...decider, replica, maxPendingBytes, copy: (change) => copy.keep(change), onImported: options.send },
          exported,
        ).catch(storageFailure),
      ),
    dismissRecovery: async () => {
      try {
        await database.write('relaxed', [], (write) => write.meta.delete('recovery'))
      } catch (error) {
        options.onTrouble(error)
      }
      options.tellRecovery(null)
    },
    signOut: (choice) =>
      withPart(options.later, ({ signOut }) =>
        signOut({ replica, pending: status.pending, status: status.live, sync, leave: options.leave, copy }, choice),
      ),
  }
}
