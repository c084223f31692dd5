import type { Driver } from '@tidemark/store'

/**
 * Appends many events to a stream in one statement, past the store: for benches that need a large log soon. Contiguous
 * and in order as the store would have written them, one per millisecond.
 */
export async function fillStream(
  sql: Driver,
  input: { readonly tenant: string; readonly stream: string; readonly lane: number; readonly events: number },
): Promise<void> {
  await sql.query(
    `insert into tidemark.events (
       lane, position, id, tenant, stream, version, type, schema, data, metadata, principal, device, command_id,
       command_hash, occurred_at, recorded_at)
     select $3, l.position + n, i.id, $1, $2, s.version + n, 'stock.taken', 1, '{"quantity": 1}', '{}', 'ada', 'device-1',
            i.id, i.id, l.at + n * interval '1 ms', l.at + n * interval '1 ms'
       from (select coalesce(max(position), 0) as position,
                    coalesce(max(recorded_at), timestamptz '2026-01-01 00:00:00Z') as at
               from tidemark.events where lane = $3) as l
      cross join (select coalesce(max(version), 0) as version from tidemark.events where tenant = $1 and stream = $2) as s
      cross join generate_series(1, $4::bigint) as n
      cross join lateral (
        select (lpad(to_hex(extract(epoch from l.at)::bigint * 1000 + n), 12, '0') || '7000'
                || '8' || substr(md5($2 || (s.version + n)), 1, 15))::uuid as id) as i`,
    [input.tenant, input.stream, input.lane, input.events],
    { deadlineMs: 600_000 },
  )
}
