import type { Driver } from '../driver.ts'

/** The tenant's lane. One that is not in the directory yet gets `defaultLane`; of two at once the first wins. */
export async function tenantLane(sql: Driver, input: { tenant: string; defaultLane: number }): Promise<number> {
  const [known] = await sql.query<{ lane: number }>('select lane from tidemark.tenants where tenant = $1', [
    input.tenant,
  ])
  if (known !== undefined) return known.lane
  const [created] = await sql.query<{ lane: number }>(
    // The empty update makes the row of a concurrent insert come back.
    `insert into tidemark.tenants as t (tenant, lane) values ($1, $2)
     on conflict (tenant) do update set tenant = t.tenant
     returning lane`,
    [input.tenant, input.defaultLane],
  )
  if (created === undefined) throw new Error('The tenant directory returned no row.')
  return created.lane
}
