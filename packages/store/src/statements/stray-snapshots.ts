import type { Driver } from '../driver.ts'

export interface StraySnapshot {
  readonly tenant: string
  readonly stream: string
  readonly version: number
}

/** Snapshots whose event the log does not hold at their version. */
export async function straySnapshots(sql: Driver, input: { limit: number }): Promise<readonly StraySnapshot[]> {
  return sql.query<StraySnapshot>(
    `select s.tenant, s.stream, s.version from tidemark.snapshots s
      where not exists (select from tidemark.events e where e.tenant = s.tenant and e.stream = s.stream
                           and e.version = s.version and e.id = s.event_id)
      order by s.tenant, s.stream limit $1`,
    [input.limit],
  )
}
