import type { Driver } from '../driver.ts'
import { oneTenant } from './one-tenant.ts'

/** SQLSTATE of an append to a closed stream, raised by tidemark.refuse_closed: the whole call is undone. */
export const STREAM_CLOSED = 'TM001'

/** The stream that a closed one goes on as, `undefined` while it is open. */
export async function successorOf(sql: Driver, input: { tenant: string; stream: string }): Promise<string | undefined> {
  const [row] = await sql.query<{ successor: string }>(
    `select successor from tidemark.closed_streams where tenant = ${oneTenant('$1')} and stream = $2`,
    [input.tenant, input.stream],
  )
  return row?.successor
}
