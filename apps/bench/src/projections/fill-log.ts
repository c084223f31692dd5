import type { Sql } from 'postgres'
import { DATA, EVENT_TYPE, EVENTS_PER_STREAM, METADATA } from '../append/workload.ts'

/** The bench's own events `after + 1` to `upTo`, five (or `perStream`) to a stream, written past the store: what is measured is the reading. */
export async function fillLog(
  sql: Sql,
  tenant: string,
  { after, upTo, perStream = EVENTS_PER_STREAM }: { after: number; upTo: number; perStream?: number },
): Promise<void> {
  await sql.unsafe(
    `insert into tidemark.events (
       lane, position, id, tenant, stream, version, type, schema, data, metadata, principal, device, command_id,
       command_hash, occurred_at, recorded_at)
     select 0, n, i.id, $1, 'order/' || s.id, (n - 1) % $6::bigint + 1, $2, 1, $3::text::jsonb, $4::text::jsonb,
            'ada', 'device-1', i.id, i.id, clock_timestamp(), clock_timestamp()
       from generate_series($5::bigint + 1, $7::bigint) as n
      cross join lateral (select ${idOf('n', '7')} as id) as i
      cross join lateral (select ${idOf('((n - 1) / $6::bigint * $6::bigint)', '8')} as id) as s`,
    [tenant, EVENT_TYPE, JSON.stringify(DATA), JSON.stringify(METADATA), after, perStream, upTo],
  )
}

/** A version 7 id from a number: its order in front, and then what no order can be seen in. */
function idOf(number: string, version: string): string {
  return `(lpad(to_hex(1767225600000 + ${number} / 10), 12, '0') || '${version}' || substr(md5(${number}::text), 1, 3)
           || '8' || substr(md5(${number}::text), 4, 15))::uuid`
}
