import type { StoredEvent } from '@tidemark/core'
import type { Driver } from '../driver.ts'
import { EVENT_COLUMNS } from './event-columns.ts'
import { oneTenant } from './one-tenant.ts'

export interface StreamTypesRead {
  readonly tenant: string
  readonly stream: string
  /** The range of versions that is looked at, both included: it bounds the work, since no index knows types. */
  readonly low: number
  readonly high: number
  readonly types: readonly string[]
  readonly backwards: boolean
  readonly limit: number
}

/** An index range scan of events_version in either direction, filtered by type. */
export async function readStreamTypes(sql: Driver, input: StreamTypesRead): Promise<readonly StoredEvent[]> {
  return sql.query<StoredEvent>(
    `select ${EVENT_COLUMNS}
       from tidemark.events
      where tenant = ${oneTenant('$1')} and stream = $2 and version >= $3 and version <= $4
        and type = any (string_to_array($5, E'\\n'))
      order by version ${input.backwards ? 'desc' : 'asc'}
      limit $6`,
    [input.tenant, input.stream, input.low, input.high, input.types.join('\n'), input.limit],
  )
}
