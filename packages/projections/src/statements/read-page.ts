import type { Json, WireOutcome } from '@tidemark/core'
import { oneTenant, type Driver } from '@tidemark/store'
import type { PageRead, PageSnapshot, ProjectionVersion } from '../page.ts'
import { SYNCED } from './checkpoint.ts'

/** A page ends with the row that takes it past this many bytes of JSON. */
const PAGE_BYTES = 1_000_000
/** Counting further would cost more than the page. */
const REMAINING_CAP = 10_000

/**
 * One statement, so one snapshot: checkpoint, rows, tombstones and outcomes belong together.
 *
 * Inputs: $1 tenant, $2 lane, $3 scopes, $4 names and $5 versions of projections (JSON arrays), $6 from position,
 * $7 mark changed (null: none), $8 mark projection, $9 mark key, $10 full, $11 limit, $12 bytes, $13 consumer,
 * $14 outcome kind, $15 principal, $16 device, $17 command ids (JSON array), $18 from outcome seq, $19 scopes and
 * $20 names of projections that are sent anew (JSON arrays).
 *
 * Every (projection, scope) is its own range scan of rows_feed and tombstones_feed, `limit + 1` entries at most, from a
 * lower bound that folds mark and `from` into one row comparison (what is sent anew starts at 0); contents are fetched
 * only for what is sent. Entries of one `changed` may be many (a control event stamps whatever it touches), so the keyset
 * goes down to the key. `offset 0` and the joined tenant and scope keep the planner to the one index that fits,
 * statistics or not.
 */
const STATEMENT = `
with at as materialized (
  -- The statement's outermost scan, so the tenant is set before anything of it is looked at.
  select coalesce(max(c.position), 0) as position, coalesce(max(c.event_id::text), '') as event_id,
         ${oneTenant('$1')} as shown
    from tidemark.checkpoints c where c.consumer = $13 and c.lane = $2
), granted as materialized (
  select distinct value collate "C" as scope, value in (select json_array_elements_text($19::json)) as anew
    from json_array_elements_text($3::json)
), asked as materialized (
  select p.id, p.name, p.version, p.name in (select json_array_elements_text($20::json)) as anew,
         case when $7::bigint is null then 0 when p.name < $8::text then $7::bigint + 1 else $7::bigint end as mark_changed,
         (case when p.name = $8::text then $9::text else '' end) collate "C" as mark_key
    from (select n.value as name, v.value::integer as version
            from json_array_elements_text($4::json) with ordinality as n (value, o)
            join json_array_elements_text($5::json) with ordinality as v (value, o) using (o)) as a
    join tidemark.projections p on p.name = a.name and p.version = a.version
    join tidemark.projection_lanes l on l.projection = p.id and l.lane = $2 and l.state = 'live'
), part as materialized (
  -- What was deleted before a full pull began is of no interest to it; a part that comes anew hears of a few it never had.
  select p.id, p.name, p.scope,
         greatest(p.mark_changed, p.old) as lower_changed,
         case when p.mark_changed < p.old then '' else p.mark_key end as lower_key,
         greatest(p.mark_changed, p.gone) as gone_changed,
         case when p.mark_changed < p.gone then '' else p.mark_key end as gone_key
    from (select a.id, a.name, a.mark_changed, a.mark_key, g.scope,
                 case when $10::boolean or a.anew or g.anew then 0 else $6::bigint + 1 end as old,
                 case when $10::boolean and $7::bigint is null then (select position from at) else $6::bigint end + 1 as gone
            from asked a cross join granted g) as p
), candidate as (
  select a.id, a.name, k.changed, k.key, k.scope, false as removal
    from part a
   cross join lateral (
     select r.changed, r.key, r.scope from tidemark.rows r
      where r.projection = a.id and r.feed = $1::text || E'\\n' || a.scope
        and (r.changed, r.key) > (a.lower_changed, a.lower_key) and r.changed <= (select position from at)
      order by r.changed, r.key limit $11::integer + 1) as k
  union all
  -- A row that is in another granted scope now is no removal: the row wins. A key that left several granted scopes,
  -- one after the other, is removed once: the latest wins.
  select distinct a.id, a.name, k.changed, k.key, null, true
    from part a
   cross join lateral (
     select t.changed, t.key from tidemark.tombstones t
      where t.projection = a.id and t.feed = $1::text || E'\\n' || a.scope
        and (t.changed, t.key) > (a.gone_changed, a.gone_key)
        and t.changed <= (select position from at)
        and not exists (select from tidemark.rows r where r.projection = a.id and r.tenant = $1 and r.key = t.key
                           and r.scope in (select scope from granted))
        and not exists (select from tidemark.tombstones u where u.projection = a.id and u.tenant = $1 and u.key = t.key
                           and u.changed > t.changed and u.scope in (select scope from granted))
      order by t.changed, t.key limit $11::integer + 1) as k
), picked as materialized (
  select c.*, row_number() over (order by c.changed, c.name, c.key) as n
    from candidate c order by c.changed, c.name, c.key limit $11::integer + 1
), filled as materialized (
  select p.*, r.row, r.stale,
         coalesce(sum(octet_length(r.row::text)) over (order by p.n rows between unbounded preceding and 1 preceding), 0) as before
    from picked p
    left join lateral (select r.row, r.stale from tidemark.rows r
                        where not p.removal and r.projection = p.id and r.tenant = $1 and r.key = p.key offset 0) as r on true
), sent as materialized (
  select * from filled where n <= $11::integer and before < $12::bigint
), verdict as materialized (
  select (select count(*) from picked) = (select count(*) from sent) as complete
), told as materialized (
  select tidemark.outcomes_until($2, (select position from at)) as seq
), outcome as (
  select e.command_id, e.stream, e.version, null::text as code, null::jsonb as params, e.position as place
    from json_array_elements_text($17::json) as c
   cross join lateral (select e.command_id, e.stream, e.version, e.position from tidemark.events e
                        where e.tenant = $1 and e.principal = $15 and e.command_id = c.value::uuid
                          and e.position <= (select position from at) offset 0) as e
   where (select complete from verdict) and $14 = 'awaiting'
  union all
  select o.command_id, o.stream, o.version, o.code, o.params, o.position
    from json_array_elements_text($17::json) as c
   cross join lateral (select o.command_id, o.stream, o.version, o.code, o.params, o.position from tidemark.outcomes o
                        where o.tenant = $1 and o.principal = $15 and o.command_id = c.value::uuid
                          and o.position <= (select position from at) offset 0) as o
   where (select complete from verdict) and $14 = 'awaiting'
  union all
  select e.command_id, e.stream, e.version, null, null, e.position
    from (select * from tidemark.events
           where lane = $2 and position > $6::bigint and position <= (select position from at) offset 0) as e
   where (select complete from verdict) and $14 = 'device'
     and e.tenant = $1 and e.principal = $15 and e.device = $16 and e.command_id is not null
  union all
  select o.command_id, o.stream, o.version, o.code, o.params, o.position
    from (select * from tidemark.outcomes
           where lane = $2 and seq > $18::bigint and seq <= (select seq from told) offset 0) as o
   where (select complete from verdict) and $14 = 'device'
     and o.tenant = $1 and o.principal = $15 and o.device = $16
)
select at.position as checkpoint, at.event_id as "checkpointEventId",
       coalesce(tidemark.event_at($2, $6::bigint)::text, '') as "fromEventId",
       -- What comes anew is replaced as a whole, whatever was removed.
       (select coalesce(max(h.position), 0) from tidemark.removal_horizons h join asked a on a.name = h.projection_name
         where h.lane = $2 and not a.anew) as horizon,
       (select seq from told) as "outcomeSeq", (select complete from verdict) as complete,
       case when (select complete from verdict) then 0 else (
         select count(*) from part a
          cross join lateral (select from tidemark.rows r
                               where r.projection = a.id and r.feed = $1::text || E'\\n' || a.scope
                                 and (r.changed, r.key) > (a.lower_changed, a.lower_key)
                               limit ${REMAINING_CAP}) as k) - (select count(*) from sent where not removal) end as remaining,
       (select coalesce(json_agg(json_build_object('name', name, 'version', version) order by name, version), '[]') from asked)
         as projections,
       (select coalesce(json_agg(json_build_array(changed, name, key, scope, row, stale) order by n), '[]') from sent)
         as entries,
       (select coalesce(json_agg(json_build_array(command_id, stream, version, code, params) order by place), '[]')
          from outcome) as outcomes
  from at where at.shown is not null`

/** `scope`, `row` and `stale` are null for a removal. */
type Entry = readonly [
  changed: number,
  projection: string,
  key: string,
  scope: string | null,
  row: Json,
  stale: boolean | null,
]
type Outcome = readonly [
  command: string,
  stream: string,
  version: number | null,
  code: string | null,
  params: Record<string, Json> | null,
]

interface Found {
  readonly checkpoint: number
  readonly checkpointEventId: string
  readonly fromEventId: string
  readonly horizon: number
  readonly outcomeSeq: number
  readonly complete: boolean
  readonly remaining: number
  readonly projections: readonly ProjectionVersion[]
  readonly entries: readonly Entry[]
  readonly outcomes: readonly Outcome[]
}

/**
 * Reads one page of the feed.
 *
 * @throws DatabaseError
 */
export async function readPage(sql: Driver, read: PageRead): Promise<PageSnapshot> {
  const { mark, outcomes } = read
  const [found] = await sql.query<Found>(STATEMENT, [
    read.tenant,
    read.lane,
    JSON.stringify(read.scopes),
    JSON.stringify(read.projections.map((projection) => projection.name)),
    JSON.stringify(read.projections.map((projection) => projection.version)),
    read.from.position,
    mark?.changed ?? null,
    mark?.projection ?? null,
    mark?.key ?? null,
    read.full,
    read.limit,
    PAGE_BYTES,
    SYNCED,
    outcomes.kind,
    outcomes.kind === 'none' ? null : outcomes.principal,
    outcomes.kind === 'device' ? outcomes.device : null,
    outcomes.kind === 'awaiting' ? JSON.stringify(outcomes.commands) : '[]',
    read.from.outcomeSeq,
    JSON.stringify(read.anew?.scopes ?? []),
    JSON.stringify(read.anew?.projections ?? []),
  ])
  if (found === undefined) throw new Error('The page statement returned no row.')
  const { entries, ...rest } = found
  const last = entries.at(-1)
  return {
    ...rest,
    remaining: Math.max(0, found.remaining),
    rows: entries.flatMap(([changed, projection, key, scope, row, stale]) =>
      scope === null ? [] : [{ changed, projection, key, scope, row, stale: stale === true }],
    ),
    removals: entries.flatMap(([changed, projection, key, scope]) =>
      scope === null ? [{ changed, projection, key }] : [],
    ),
    outcomes: found.outcomes.map(toWireOutcome),
    last: last === undefined ? null : { changed: last[0], projection: last[1], key: last[2] },
  }
}

function toWireOutcome([command, stream, version, code, params]: Outcome): WireOutcome {
  return code === null
    ? { kind: 'accepted', command, stream, version: version ?? 0 }
    : { kind: 'refused', command, stream, code, params: params ?? {} }
}
