import type { Driver } from '@tidemark/store'
import { SYNCED } from './checkpoint.ts'

/** Milliseconds since the live rows of any lane were moved on; `Infinity` where there are none. A question of a few rows. */
export async function readLiveAge(sql: Driver): Promise<number> {
  const [found] = await sql.query<{ ms: number | null }>(
    `select (extract(epoch from clock_timestamp() - max(updated_at)) * 1000)::float8 as ms
       from tidemark.checkpoints where consumer = $1`,
    [SYNCED],
  )
  return found?.ms ?? Number.POSITIVE_INFINITY
}
