import type { Driver } from '../driver.ts'

/** Highest position of the lane, 0 when it is empty. */
export async function laneHead(sql: Driver, input: { lane: number }): Promise<number> {
  const [row] = await sql.query<{ head: number }>(
    'select coalesce(max(position), 0) as head from tidemark.events where lane = $1',
    [input.lane],
  )
  return row?.head ?? 0
}
