import type { Driver } from '../driver.ts'

export const WAKE_CHANNEL = 'tidemark_wake'

/** Tells the other processes that a lane may have grown. Never in an append's transaction: see 0002-append.sql. */
export async function notifyWake(sql: Driver, input: { lane: number }): Promise<void> {
  await sql.query('select pg_notify($1, $2)', [WAKE_CHANNEL, String(input.lane)])
}
