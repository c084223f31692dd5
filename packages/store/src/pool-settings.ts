/**
 * Session settings that end what this process cannot end any more: when it is dead, frozen or cut off, the server has to
 * let go of the lane by itself. Pure; times are in milliseconds.
 */
import type { ServerFacts } from './statements/server-facts.ts'

type Settings = Readonly<Record<string, string | number>>

/** Nobody holds a lane for longer than this, half a second before the 2 s that are promised: who waits has to notice. */
const HELD_AT_MOST_MS = 1_500

/** Of the connections that read, and call what siblings write with. */
export function readSettings(facts: Pick<ServerFacts, 'version' | 'watchesClients'>, deadlineMs: number): Settings {
  return {
    ...sessionSettings(facts),
    statement_timeout: Math.max(1_000, deadlineMs - 1_000),
    lock_timeout: 5_000,
    ...transactionTimeout(facts, deadlineMs),
  }
}

/** Of every connection of a store. */
function sessionSettings(facts: Pick<ServerFacts, 'watchesClients'>): Settings {
  return {
    idle_in_transaction_session_timeout: HELD_AT_MOST_MS,
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
  facts: Pick<ServerFacts, 'version' | 'watchesClients' | 'synchronousCommit'>,
  appendDeadlineMs: number,
): Settings {
  return {
    ...sessionSettings(facts),
    // A little sooner than the transaction's end below, which costs the connection.
    statement_timeout: Math.min(HELD_AT_MOST_MS - 250, Math.max(500, appendDeadlineMs - 1_000)),
    // Leaves half of the time for the call itself. Who waits longer asks again.
    lock_timeout: Math.min(HELD_AT_MOST_MS / 2, appendDeadlineMs),
    ...transactionTimeout(facts, HELD_AT_MOST_MS),
    // Plans made while a table is small must not outlive that; every plan here is an index scan.
    enable_seqscan: 'off',
    jit: 'off',
    // Every call is one of few statements whose plans do not depend on their values: planning each call anew costs as much
    // as a small call itself.
    plan_cache_mode: 'force_generic_plan',
    // "Accepted" means that the events survive a crash. Stronger settings of the server stay.
    ...(facts.synchronousCommit === 'off' ? { synchronous_commit: 'on' } : {}),
  }
}

/**
 * The one limit that also ends a call whose last message never arrives: its locks are taken by then, its statement is over,
 * and the session does not count as idle. Servers before 17 lack it, and wait for TCP to give the line up.
 */
function transactionTimeout(facts: Pick<ServerFacts, 'version'>, ms: number): Settings {
  return facts.version >= 170_000 ? { transaction_timeout: ms } : {}
}
