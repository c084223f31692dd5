import type { Driver } from '@tidemark/store'

/** A tenant to append the engine's own events of a lane to: of a name that no app can use. */
export async function laneTenant(sql: Driver, lane: number): Promise<string> {
  const tenant = `$tidemark-${lane}`
  await sql.query('select tidemark.tenant_lane($1, $2)', [tenant, lane])
  return tenant
}
