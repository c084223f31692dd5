import type { Driver } from '../driver.ts'

/** The log's epoch; starts a new one when the server is not the one, or not on the timeline, that the log last saw. */
export async function observeEpoch(sql: Driver): Promise<string> {
  const [row] = await sql.query<{ epoch: string }>('select tidemark.observe_epoch() as epoch')
  if (row === undefined) throw new Error('tidemark.observe_epoch returned no row.')
  return row.epoch
}
