import type { Driver } from '../driver.ts'

export interface ListedStream {
  readonly tenant: string
  readonly stream: string
  /** How many events it has. */
  readonly version: number
  /** Version and schema of its snapshot, `null` without one. */
  readonly snapshotVersion: number | null
  readonly snapshotSchema: number | null
}

/**
 * Streams in the order of tenant and name, after the given one. A loose scan of events_version: one probe per stream
 * for its name and one for its head, however many events it has.
 */
export async function listStreams(
  sql: Driver,
  input: { tenant: string | undefined; after: { tenant: string; stream: string }; limit: number },
): Promise<readonly ListedStream[]> {
  return sql.query<ListedStream>(
    `with recursive listed (tenant, stream, n) as (
       (select e.tenant, e.stream, 1 from tidemark.events e
         where (e.tenant, e.stream) > ($1::text, $2::text) and ($3::text is null or e.tenant = $3)
         order by e.tenant, e.stream limit 1)
       union all
       select f.tenant, f.stream, l.n + 1
         from listed l
        cross join lateral (select e.tenant, e.stream from tidemark.events e
                             where (e.tenant, e.stream) > (l.tenant, l.stream) and ($3::text is null or e.tenant = $3)
                             order by e.tenant, e.stream limit 1) as f
        where l.n < $4)
     select l.tenant, l.stream, h.version, s.version as "snapshotVersion", s.schema as "snapshotSchema"
       from listed l
      cross join lateral (select e.version from tidemark.events e where e.tenant = l.tenant and e.stream = l.stream
                           order by e.version desc limit 1) as h
       left join tidemark.snapshots s on s.tenant = l.tenant and s.stream = l.stream
      order by l.tenant, l.stream`,
    [input.after.tenant, input.after.stream, input.tenant ?? null, input.limit],
  )
}
