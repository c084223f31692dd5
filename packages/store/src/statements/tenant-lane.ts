import type { Driver } from '../driver.ts'

/** The tenant's lane. One that is not in the directory yet gets `defaultLane`; of two at once the first wins. */
export async function tenantLane(sql: Driver, input: { tenant: string; defaultLane: number }): Promise<number> {
  const [row] = await sql.query<{ lane: number }>('select tidemark.tenant_lane($1, $2) as lane', [
    input.tenant,
    input.defaultLane,
  ])
  if (row === undefined) throw new Error('tidemark.tenant_lane returned no row.')
  return row.lane
}
