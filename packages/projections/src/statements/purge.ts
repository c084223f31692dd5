import type { Driver } from '@tidemark/store'

interface Purge {
  readonly lane: number
  /** What is younger stays. */
  readonly olderMs: number
  /** At most so many at a time. */
  readonly limit: number
}

/** Takes removals away that are too old to be told; see the SQL function. Returns how many. */
export async function purgeRemovals(sql: Driver, input: Purge): Promise<number> {
  const [row] = await sql.query<{ purged: number }>('select tidemark.purge_removals($1, $2, $3) as purged', [
    input.lane,
    input.olderMs,
    input.limit,
  ])
  return row?.purged ?? 0
}

/** Takes rows of versions away that were retired long ago; see the SQL function. 0: nothing is left to do. */
export async function purgeRetired(sql: Driver, input: Purge): Promise<number> {
  const [row] = await sql.query<{ purged: number }>('select tidemark.purge_retired($1, $2, $3) as purged', [
    input.lane,
    input.olderMs,
    input.limit,
  ])
  return row?.purged ?? 0
}
