import { randomUUID } from 'node:crypto'
import type { Driver } from './driver.ts'
import { DatabaseError, StoreOpenError } from './errors.ts'
import { judgeSessions, type SessionLook } from './judge-sessions.ts'
import { leaveMark, lookAtSession } from './statements/look-at-session.ts'

/** A backend may be killed meanwhile, which looks the same once. */
const ATTEMPTS = 3
/** Each connection's calls after the one that leaves its mark. */
const LOOKS = 2

export interface PoolerProbe {
  /** Two drivers of one connection each, opened with the `lock_timeout` below. */
  readonly drivers: readonly [Driver, Driver]
  readonly lockTimeoutMs: number
  /** How many connections of these were lost. */
  readonly losses: () => number
}

/**
 * Refuses what lends sessions out or drops their settings.
 *
 * @throws StoreOpenError of kind `pooler`; DatabaseError where the server cannot be asked.
 */
export async function refusePooler(probe: PoolerProbe): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const losses = probe.losses()
    const mayRepeat = (): boolean => attempt < ATTEMPTS && probe.losses() > losses
    try {
      const connections = probe.drivers.map((sql) => ({ sql, mark: randomUUID(), looks: [] as SessionLook[] }))
      // One after the other, and in turned order: a pooler lends the backend that was given back last, or each in turn.
      for (const { sql, mark, looks } of connections) looks.push(await leaveMark(sql, { mark }))
      for (let count = 0; count < LOOKS; count++) {
        for (const { sql, looks } of connections.reverse()) looks.push(await lookAtSession(sql))
      }
      const { kind } = judgeSessions(connections, probe.lockTimeoutMs)
      if (kind === 'sessions') return
      if (!mayRepeat()) throw refusal(kind)
    } catch (error) {
      if (isPoolerError(error)) throw refusal('settings-dropped', error)
      if (error instanceof DatabaseError && error.kind === 'unknown' && mayRepeat()) continue
      throw error
    }
  }
}

/** A pooler's own words: an unknown setting at the opening; a prepared statement that is elsewhere, or there already. */
function isPoolerError(error: unknown): boolean {
  if (!(error instanceof DatabaseError)) return false
  return error.code === '26000' || error.code === '42P05' || /unsupported startup parameter/i.test(error.message)
}

function refusal(kind: 'backends-lent' | 'settings-dropped', cause?: unknown): StoreOpenError {
  const happened =
    kind === 'backends-lent'
      ? 'Two calls on one connection were answered by different sessions of the server: a pooler in transaction mode lends them out.'
      : 'What a connection was opened with (time limits, its role, prepared statements) did not stay with it: a pooler dropped or refused it.'
  return new StoreOpenError(
    'pooler',
    `${happened} The store needs sessions of its own: without them calls hang, limits and roles apply to others, and ` +
      'hints are not heard. Name the server itself in the URL (often port 5432 where the pooler is on 6432 or 6543), or a ' +
      'pooler in session mode that passes settings on. The store pools its connections itself.',
    cause,
  )
}
