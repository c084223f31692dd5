import type { Driver } from '../driver.ts'

export interface BrokenStream {
  readonly tenant: string
  readonly stream: string
  readonly first: number
  readonly last: number
  readonly events: number
}

/** Streams whose stored versions are not contiguous from 1. Reads the whole of events_version. */
export async function brokenStreams(sql: Driver, input: { limit: number }): Promise<readonly BrokenStream[]> {
  return sql.query<BrokenStream>(
    `select tenant, stream, min(version) as first, max(version) as last, count(*) as events
       from tidemark.events
      group by tenant, stream
     having min(version) <> 1 or count(*) <> max(version)
      order by tenant, stream limit $1`,
    [input.limit],
  )
}
