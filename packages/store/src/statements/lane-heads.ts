import type { Driver } from '../driver.ts'

export interface LaneHead {
  readonly lane: number
  readonly head: number
}

/** Every lane that holds events, with its highest position: two probes of events_position per lane. */
export async function laneHeads(sql: Driver): Promise<readonly LaneHead[]> {
  return sql.query<LaneHead>(
    `with recursive lanes (lane) as (
       select min(lane) from tidemark.events
       union all
       select (select min(e.lane) from tidemark.events e where e.lane > l.lane) from lanes l where l.lane is not null)
     select l.lane, (select max(e.position) from tidemark.events e where e.lane = l.lane) as head
       from lanes l where l.lane is not null order by l.lane`,
  )
}
