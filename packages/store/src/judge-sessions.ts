/**
 * Whether what answers is a server with sessions, or a pooler that lends them out. Pure: judges what two connections saw.
 *
 * A transaction pooler gives each transaction whatever backend is free. Prepared statements then go missing or hang, LISTEN
 * hears nothing, and session settings apply to others: the limits that free a lane, the role that sees one tenant only.
 */

/** What one call on a connection saw. */
export interface SessionLook {
  /** Process id of the backend that answered. */
  readonly pid: number
  /** What the connection's first call left in its session; null where nothing was left. */
  readonly mark: string | null
  /** The server's lock_timeout in milliseconds, which the connection asked for when it was opened. */
  readonly lockTimeout: number
}

export interface ConnectionLooks {
  readonly mark: string
  /** In order; at least two. The connections' looks alternate. */
  readonly looks: readonly SessionLook[]
}

export type SessionsJudgement =
  | { readonly kind: 'sessions' }
  /** Backends change between two calls of a connection, or serve two connections at once. */
  | { readonly kind: 'backends-lent' }
  /** Settings that a connection was opened with do not reach the server. */
  | { readonly kind: 'settings-dropped' }

export function judgeSessions(connections: readonly ConnectionLooks[], lockTimeout: number): SessionsJudgement {
  const owners = new Map<number, ConnectionLooks>()
  for (const connection of connections) {
    for (const { pid, mark } of connection.looks) {
      if (mark !== connection.mark || (owners.get(pid) ?? connection) !== connection) return { kind: 'backends-lent' }
      owners.set(pid, connection)
    }
    if (new Set(connection.looks.map(({ pid }) => pid)).size > 1) return { kind: 'backends-lent' }
  }
  const kept = connections.every(({ looks }) => looks.every((look) => look.lockTimeout === lockTimeout))
  return kept ? { kind: 'sessions' } : { kind: 'settings-dropped' }
}
