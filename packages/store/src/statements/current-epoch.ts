import type { Driver } from '../driver.ts'

/**
 * Why the log's history has another identity than before:
 * `first`: the log is new;
 * `cluster`: the database server is another one (a backup put back elsewhere, or an upgrade by pg_upgrade);
 * `timeline`: a replica was promoted, or the log recovered to a point in time;
 * `copy`: a backup was put back into the same server;
 * `declared`: an operator said so.
 */
export type EpochReason = 'first' | 'cluster' | 'timeline' | 'copy' | 'declared'

export interface CurrentEpoch {
  readonly epoch: string
  readonly reason: EpochReason
  /** This very look started it. */
  readonly began: boolean
}

/** The log's epoch; starts a new one where the log is not what it was when it was last looked at. */
export async function currentEpoch(sql: Driver): Promise<CurrentEpoch> {
  const [row] = await sql.query<CurrentEpoch>('select epoch, reason, began from tidemark.current_epoch()')
  if (row === undefined) throw new Error('tidemark.current_epoch returned no row.')
  return row
}
