import type { Driver } from '../driver.ts'
import { oneTenant } from './one-tenant.ts'

/** The stream's version: one probe at the end of its range of events_version. The end is never archived. */
export async function streamHead(sql: Driver, input: { tenant: string; stream: string }): Promise<number> {
  const [row] = await sql.query<{ head: number }>(
    `select version as head from tidemark.events where tenant = ${oneTenant('$1')} and stream = $2
      order by version desc limit 1`,
    [input.tenant, input.stream],
  )
  return row?.head ?? 0
}
