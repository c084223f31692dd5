import type { LaneRead, StoredEvent } from '@tidemark/core'
import type { Driver } from '../driver.ts'
import { EVENT_COLUMNS } from './event-columns.ts'

/** A range scan of events_position. Safe without a gap detector: commits happen in position order. */
export async function readLane(sql: Driver, input: LaneRead): Promise<readonly StoredEvent[]> {
  return sql.query<StoredEvent>(
    `select ${EVENT_COLUMNS}
       from tidemark.events
      where lane = $1 and position > $2 and ($3::text is null or type = any (string_to_array($3, E'\\n')))
        and ($5::bigint is null or position <= $5)
      order by position
      limit $4`,
    [
      input.lane,
      input.after,
      input.types === undefined ? null : input.types.join('\n'),
      input.limit,
      input.upTo === undefined ? null : Math.floor(input.upTo),
    ],
  )
}
