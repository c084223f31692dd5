import type { Driver } from '@tidemark/store'
import { SYNCED } from './checkpoint.ts'

/**
 * Milliseconds since the fifth last event of any lane was stored: a single one, such as that of a switch, is no load.
 * `Infinity` where there are not so many. A look at the end of an index for each lane.
 */
export async function readLiveAge(sql: Driver): Promise<number> {
  const [found] = await sql.query<{ ms: number | null }>(
    `select (extract(epoch from clock_timestamp() - max(e.recorded_at)) * 1000)::float8 as ms
       from tidemark.checkpoints c
      cross join lateral (select e.recorded_at from tidemark.events e
                           where e.lane = c.lane order by e.position desc offset 4 limit 1) as e
      where c.consumer = $1`,
    [SYNCED],
  )
  return found?.ms ?? Number.POSITIVE_INFINITY
}
