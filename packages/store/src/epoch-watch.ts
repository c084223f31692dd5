/** What this process knows of the log's epoch, and for how long it may believe it. Pure but for `read`. */
import type { CurrentEpoch, EpochReason } from './statements/current-epoch.ts'

/** An epoch that began in a log that was there before. */
export interface EpochStart {
  readonly epoch: string
  readonly reason: EpochReason
}

export interface EpochWatch {
  current(): Promise<string>
  /** A connection was lost: a promotion and a restore cut every connection. */
  forget(): void
}

/** Operators start epochs beside running servers; so long each may go on with the former. */
const BELIEVED_MS = 2_000

export function createEpochWatch(options: {
  readonly read: () => Promise<CurrentEpoch>
  readonly onStart: (start: EpochStart) => void
  /** Milliseconds, never backwards. */
  readonly clock: () => number
}): EpochWatch {
  let known: { readonly asked: Promise<string>; readonly at: number } | undefined
  let told: string | undefined

  const ask = async (): Promise<string> => {
    const { epoch, reason, began } = await options.read()
    // Also where another process noticed, or an operator started it. What was so before this process came is no news.
    const isNews = began || (told !== undefined && told !== epoch)
    told = epoch
    if (isNews && reason !== 'first') options.onStart({ epoch, reason })
    return epoch
  }

  return {
    current() {
      if (known !== undefined && options.clock() - known.at < BELIEVED_MS) return known.asked
      const asked = ask()
      const mine = { asked, at: options.clock() }
      known = mine
      asked.catch(() => {
        if (known === mine) known = undefined
      })
      return asked
    },
    forget() {
      known = undefined
    },
  }
}
