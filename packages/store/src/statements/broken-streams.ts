import type { Driver } from '../driver.ts'

export interface BrokenStream {
  readonly tenant: string
  readonly stream: string
  readonly first: number
  readonly last: number
  readonly events: number
}

/**
 * Streams whose versions, in the table and archived, are not contiguous from 1, or whose end is not in the table. Reads
 * the whole of events_version.
 */
export async function brokenStreams(sql: Driver, input: { limit: number }): Promise<readonly BrokenStream[]> {
  return sql.query<BrokenStream>(
    `select tenant, stream, min(first) as first, max(last) as last, sum(events)::bigint as events
       from (select tenant, stream, min(version) as first, max(version) as last, count(*) as events, true as in_table
               from tidemark.events group by tenant, stream
              union all
             select tenant, stream, first_version, last_version, last_version - first_version + 1, false
               from tidemark.archived) as part
      group by tenant, stream
     having min(first) <> 1 or sum(events) <> max(last) or max(last) filter (where in_table) is distinct from max(last)
      order by tenant, stream limit $1`,
    [input.limit],
  )
}
