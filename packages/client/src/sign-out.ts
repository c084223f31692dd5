import type { Database } from './database.ts'
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
function allSent({ pending, status, sync, replica }: SignOutContext): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      for (const stop of stops) stop()
      resolve()
    }
    const look = (): void => {
      const { connection, pending: count } = status.get()
      const listed = pending.get()
      const isHopeful = connection === 'live' || connection === 'connecting'
      if (isHopeful && listed.some(({ state }) => state !== 'set-aside' && state !== 'blocked')) return
      if (!isHopeful || count <= listed.length) end()
      // Behind those that are listed there may be others on their way.
      else isAnyMoving(replica.database).then((isMoving) => (isMoving ? undefined : end()), reject)
    }
    const stops = [pending.subscribe(look), status.subscribe(look)]
    sync()
    look()
  })
}

/** Whether a stored command waits for its page, or is in a stream in which nothing waits for a person. */
async function isAnyMoving(database: Database): Promise<boolean> {
  const { value } = await database.read(['pending', 'attention'], async ({ pending, attention }) => {
    const still = new Set((await attention.toArray()).map(({ stream }) => stream))
    if ((await pending.where('waits').aboveOrEqual(0).limit(1).primaryKeys()).length > 0) return true
    const streams = (await pending.orderBy('[stream+seq]').keys()) as unknown as readonly [string, number][]
    return streams.some(([stream]) => !still.has(stream))
  })
  return value
}
