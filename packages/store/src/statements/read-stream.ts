import type { StoredEvent, StreamRead } from '@tidemark/core'
import type { Driver } from '../driver.ts'
import { EVENT_COLUMNS } from './event-columns.ts'
import { oneTenant } from './one-tenant.ts'

/** An index range scan of events_version, in its order. Versions are contiguous, so a limit is a range of versions. */
export async function readStream(sql: Driver, input: StreamRead): Promise<readonly StoredEvent[]> {
  return sql.query<StoredEvent>(
    `select ${EVENT_COLUMNS}
       from tidemark.events
      where tenant = ${oneTenant('$1')} and stream = $2 and version > $3 and version <= $4
      order by version`,
    [input.tenant, input.stream, input.after, input.limit === undefined ? LAST_VERSION : input.after + input.limit],
  )
}

/** The greatest version that a number holds. */
const LAST_VERSION = Number.MAX_SAFE_INTEGER
