/**
 * Session settings that end what this process cannot end any more: when it is dead, frozen or cut off, the server has to
 * let go of the lane by itself. Pure; times are in milliseconds.
 */
import type { ServerFacts } from './statements/server-facts.ts'

type Settings = Readonly<Record<string, string | number>>

/** A lane is free again so long after whoever holds it went silent. */
export const LANE_FREED_MS = 2_000

/** Of every connection of a store. */
export function sessionSettings(facts: Pick<ServerFacts, 'watchesClients'>): Settings {
  return {
    idle_in_transaction_session_timeout: LANE_FREED_MS,
    // The server probes a silent line, and gives up one that does not take what is sent: sessions of vanished machines
    // would fill the server otherwise. Without effect on Unix sockets.
    tcp_keepalives_idle: '5s',
    tcp_keepalives_interval: '2s',
    tcp_keepalives_count: 3,
    tcp_user_timeout: '10s',
    // A running statement of a closed connection ends.
    ...(facts.watchesClients ? { client_connection_check_interval: 1_000 } : {}),
  }
}

/** Of the connections that append: they hold a lane's lock. */
export function appendSettings(
  facts: Pick<ServerFacts, 'version' | 'synchronousCommit'>,
  appendDeadlineMs: number,
): Settings {
  return {
    statement_timeout: Math.max(500, appendDeadlineMs - 1_000),
    // Leaves half of the time for the call itself. Who waits longer asks again.
    lock_timeout: Math.min(LANE_FREED_MS / 2, appendDeadlineMs),
    // The one limit that also ends a call whose last message never arrives: the lock is taken by then, the statement is
    // over, and the session does not count as idle. It does not run during the commit, so nothing stored is in doubt.
    ...(facts.version >= 170_000 ? { transaction_timeout: LANE_FREED_MS } : {}),
    // Plans made while a table is small must not outlive that; every plan here is an index scan.
    enable_seqscan: 'off',
    jit: 'off',
    // "Accepted" means that the events survive a crash. Stronger settings of the server stay.
    ...(facts.synchronousCommit === 'off' ? { synchronous_commit: 'on' } : {}),
  }
}
