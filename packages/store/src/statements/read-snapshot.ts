import type { Driver } from '../driver.ts'
import type { Snapshot } from '../snapshots.ts'
import { oneTenant } from './one-tenant.ts'

/** The stream's snapshot; one probe of snapshots_stream. */
export async function readSnapshot(
  sql: Driver,
  input: { tenant: string; stream: string },
): Promise<Snapshot | undefined> {
  const [found] = await sql.query<Snapshot>(
    `select tenant, stream, version, event_id as "eventId", schema, state, taken_at as "takenAt"
       from tidemark.snapshots where tenant = ${oneTenant('$1')} and stream = $2`,
    [input.tenant, input.stream],
  )
  return found
}
