import type { SecondCopy } from './journal/second-copy.ts'
import type { Live } from './live.ts'
import type { Replica } from './replica.ts'
import { storageFailure } from './storage-failure.ts'
import type { SignOutChoice, SignOutResult, SyncStatus } from './tidemark-client.ts'
import type { PendingCommand } from './work.ts'

export interface SignOutContext {
  readonly replica: Replica
  readonly pending: Live<readonly PendingCommand[]>
  readonly status: Live<SyncStatus>
  /** Tries the network now. */
  readonly sync: () => void
  /** Ends this client but for its second copy, and those of the other tabs. */
  readonly leave: () => Promise<void>
  readonly copy: Pick<SecondCopy, 'clear' | 'close'>
}

/** Ends this person's use of the device, unless there is unsent work that the choice does not cover. */
export async function signOut(context: SignOutContext, choice: SignOutChoice | undefined): Promise<SignOutResult> {
  const { database } = context.replica
  try {
    if (choice?.kind === 'sync') await allSent(context)
    const { value: count } = await database.read(['pending'], (tables) => tables.pending.count())
    const isCovered = count === 0 || choice?.kind === 'keep' || (choice?.kind === 'discard' && choice.count === count)
    if (!isCovered) return { kind: 'pending-work', count }
    const isKept = count > 0 && choice?.kind === 'keep'
    await context.leave()
    // First the copy: it must not bring back what the database is rid of.
    if (!isKept) await context.copy.clear(context.replica)
    context.copy.close()
    if (isKept) return { kind: 'signed-out', kept: count }
    await database.destroy()
    return { kind: 'signed-out', kept: 0 }
  } catch (error) {
    return storageFailure(error)
  }
}

/** Resolves when nothing is pending, or when it is plain that waiting does not help: out of reach, or for a person. */
function allSent({ pending, status, sync }: SignOutContext): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      const { connection } = status.get()
      const isHopeful = connection === 'live' || connection === 'connecting'
      const isMoving = pending.get().some(({ state }) => state !== 'set-aside' && state !== 'blocked')
      if (isHopeful && isMoving) return
      for (const stop of stops) stop()
      resolve()
    }
    const stops = [pending.subscribe(look), status.subscribe(look)]
    sync()
    look()
  })
}
