import { isLogName, type LaneRead, type StoredEvent } from '@tidemark/core'
import type { Driver } from '../driver.ts'
import { BARE_COLUMNS, PACKED_COLUMNS, PACKED_TOGETHER, unpackEvents, type PackedEvents } from './packed-events.ts'

/**
 * A range scan of events_position. Safe without a gap detector: commits happen in position order. The upper bound is
 * always there: as "null or less" it would be a filter in a generic plan, and rare types would scan to the lane's end.
 */
export async function readLane(sql: Driver, input: LaneRead): Promise<readonly StoredEvent[]> {
  const packs = await sql.query<PackedEvents>(
    `select ${input.bare === true ? BARE_COLUMNS : PACKED_COLUMNS}
       from (select * from tidemark.events
              where lane = $1 and position > $2 and ($3::text is null or type = any (string_to_array($3, E'\\n')))
                and position <= $5
              order by position
              limit $4) as events
      group by ${PACKED_TOGETHER}
      order by ${PACKED_TOGETHER}`,
    [
      input.lane,
      input.after,
      // No event has another kind of type, and the list travels joined by newlines.
      input.types === undefined ? null : input.types.filter(isLogName).join('\n'),
      input.limit,
      Math.floor(Math.min(input.upTo ?? LAST_POSITION, LAST_POSITION)),
    ],
  )
  return unpackEvents(input.lane, packs)
}

/** The greatest position that a number holds. */
const LAST_POSITION = Number.MAX_SAFE_INTEGER
