import type { ArchivedEvent } from '../archive-file.ts'
import type { Driver } from '../driver.ts'
import { EVENT_COLUMNS } from './event-columns.ts'

/** The stream's first events in the table that lie below its snapshot, but for the `keep` newest of those. */
export async function readArchivable(
  sql: Driver,
  input: { tenant: string; stream: string; keep: number; limit: number },
): Promise<readonly ArchivedEvent[]> {
  return sql.query<ArchivedEvent>(
    `select ${EVENT_COLUMNS}, command_hash as hash
       from tidemark.events
      where tenant = $1 and stream = $2
        and version < (select s.version - $3 from tidemark.snapshots s where s.tenant = $1 and s.stream = $2)
      order by version limit $4`,
    [input.tenant, input.stream, input.keep, input.limit],
  )
}
