import type { Json } from '@tidemark/core'
import type { Driver } from '@tidemark/store'
import type { ParkedEvent } from '../fold-batch.ts'

/** A parked event of a group, with how many of its key (or stream) are parked altogether. */
export type GroupedEvent = ParkedEvent & {
  readonly parkedAt: string
  readonly total: number
  /** As it counts for the projection, where a person has said so. */
  readonly edit: { readonly schema: number; readonly data: Json } | null
}

/**
 * The parked events of keys and streams, and of all that hang together with them (a key with events of a stream that is
 * parked as such, and the other way round; and the projection's parked streams with each other, as their events may turn
 * out to be of one key), in the order of positions, `always` first.
 */
export async function readParkedGroup(
  sql: Driver,
  input: {
    projection: number
    tenant: string
    seeds: readonly { readonly by: 'key' | 'stream'; readonly key: string }[]
    limit: number
    /** This one is among those returned, however many are before it. */
    always: number | null
  },
): Promise<readonly GroupedEvent[]> {
  return sql.query<GroupedEvent>(
    `with recursive seed as materialized (
       select x.by collate "C" as by, x.key collate "C" as key
         from jsonb_to_recordset($3::jsonb) as x (by text, key text)
     ), grp (by, key) as (
       select by, key from seed
        union
       select l.by, l.key from grp g cross join lateral (
         select s.by, s.key
           from tidemark.parked e
           join tidemark.parked s on s.tenant = e.tenant and s.by = 'stream' and s.key = e.stream and s.projection = e.projection
          where g.by = 'key' and e.tenant = $2 and e.by = 'key' and e.key = g.key and e.projection = $1
         union all
         select e.by, e.key from tidemark.parked e
          where g.by = 'stream' and e.tenant = $2 and e.by = 'key' and e.stream = g.key and e.projection = $1
         union all
         select e.by, e.key from tidemark.parked e
          where g.by = 'stream' and e.tenant = $2 and e.by = 'stream' and e.projection = $1) as l
     )
     select p.projection, p.tenant, p.by, p.key, p.position, p.reason, p.attempts, p.event_id as "eventId", p.stream,
            p.type, p.error, p.parked_at::text as "parkedAt", count(*) over (partition by p.by, p.key) as total,
            (select json_build_object('schema', e.schema, 'data', e.data) from tidemark.edits e
              where e.lane = p.lane and e.position = p.position
                and e.projection_name = (select name from tidemark.projections where id = $1)) as edit
       from grp join tidemark.parked p on p.tenant = $2 and p.by = grp.by and p.key = grp.key and p.projection = $1
      order by (p.position = $5::bigint) is true desc, p.position limit $4`,
    [input.projection, input.tenant, JSON.stringify(input.seeds), input.limit, input.always],
  )
}
