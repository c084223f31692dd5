import type { StoredEvent } from '@tidemark/core'
import type { Driver } from '../driver.ts'
import { EVENT_COLUMNS } from './event-columns.ts'

/** Events of a lane at positions after `after` up to `to`; a range scan of events_position. */
export async function readPositions(
  sql: Driver,
  input: { lane: number; after: number; to: number },
): Promise<readonly StoredEvent[]> {
  return sql.query<StoredEvent>(
    `select ${EVENT_COLUMNS} from tidemark.events
      where lane = $1 and position > $2 and position <= $3 order by position`,
    [input.lane, input.after, input.to],
  )
}
