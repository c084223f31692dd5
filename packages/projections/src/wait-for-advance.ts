import { createAlarm } from './alarm.ts'
import type { Advances } from './advances.ts'

export type Reached =
  | { readonly kind: 'reached' }
  /** `at`: the checkpoint when the time was up. */
  | { readonly kind: 'timeout'; readonly at: number }

/**
 * Waits until a lane's checkpoint is at a position: told by this process's worker, or seen by asking, where the worker
 * runs elsewhere. Bounded: a position that is never reached, one of another history for example, ends as `timeout`.
 */
export async function waitForAdvance(input: {
  lane: number
  position: number
  timeoutMs: number
  pollMs: number
  advances: Advances
  /** The checkpoint as stored. A rejection counts as "no news". */
  read: () => Promise<number>
}): Promise<Reached> {
  const { lane, position, advances } = input
  const until = performance.now() + input.timeoutMs
  const alarm = createAlarm()
  const stop = advances.listen((advanced) => {
    if (advanced === lane) alarm.ring()
  })
  let at = advances.at(lane)
  let asking = false
  let askAt = 0
  try {
    while (at < position) {
      const now = performance.now()
      const left = until - now
      if (left <= 0) return { kind: 'timeout', at }
      // Asked in the background: a database that does not answer must not stretch the time that was asked for. And not at every
      // batch that this process's worker tells of.
      if (!asking && now >= askAt) {
        asking = true
        askAt = now + input.pollMs
        void input
          .read()
          .then((found) => advances.tell(lane, found))
          .catch(() => {})
          .finally(() => {
            asking = false
          })
      }
      await alarm.wait(Math.min(left, input.pollMs))
      at = Math.max(at, advances.at(lane))
    }
    return { kind: 'reached' }
  } finally {
    stop()
  }
}
