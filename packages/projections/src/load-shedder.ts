import type { OnAlert } from './alert.ts'
import { shedLoad, type LagLimits, type Shedding } from './shed-load.ts'

export interface LoadShedder {
  /** Milliseconds after which to come back, `undefined` where the lane takes commands. Answers at once, from the last look. */
  retryAfterMs(lane: number): number | undefined
}

interface Lag {
  readonly lane: number
  readonly checkpoint: number
  readonly events: number
  readonly seconds: number
}

/** How often the lag is looked at while somebody asks. */
const LOOK_MS = 1_000

/** Looks at the lag beside the commands, never in their way; who is not asked looks at nothing. */
export function createLoadShedder(options: {
  readonly limits: LagLimits
  readonly lag: () => Promise<readonly Lag[]>
  readonly onAlert: OnAlert
  readonly onError: (error: unknown) => void
  readonly clock: () => number
}): LoadShedder {
  const { limits, lag, onAlert, onError, clock } = options
  const sheddings = new Map<number, Shedding>()
  let lookAt = -LOOK_MS
  let looking = false

  const look = async (): Promise<void> => {
    const lanes = await lag()
    const at = clock()
    for (const { lane, checkpoint, events, seconds } of lanes) {
      const before = sheddings.get(lane)
      const now = shedLoad(before, { at, checkpoint, events, seconds }, limits)
      sheddings.set(lane, now)
      const was = before?.retryAfterMs !== undefined
      if (now.retryAfterMs !== undefined && !was) onAlert({ kind: 'overloaded', lane, events, seconds })
      if (now.retryAfterMs === undefined && was) onAlert({ kind: 'relieved', lane, events, seconds })
    }
  }

  return {
    retryAfterMs: (lane) => {
      if (!looking && clock() - lookAt >= LOOK_MS) {
        looking = true
        look()
          .catch((error: unknown) => {
            // What cannot be seen sends nobody away.
            sheddings.clear()
            onError(error)
          })
          .finally(() => {
            lookAt = clock()
            looking = false
          })
      }
      return sheddings.get(lane)?.retryAfterMs
    },
  }
}
