import type { Driver } from '@tidemark/store'
import type { EventEdit } from '../apply-edits.ts'
import type { ParkedUnit } from '../control-event.ts'
import { IS_LOOKED_AFTER } from '../sql/statements/sql-status.ts'
import { reasonsOf, type ParkedReason } from '../park-reason.ts'
import type { ActionRecord } from './settle-parked.ts'

/** Which parked events; a part that is left out does not restrict. */
export interface ParkedFilter {
  readonly tenant?: string
  /** Name of a projection; that of a SQL projection has the prefix `sql:`. */
  readonly projection?: string
  /** The row's key, or the stream where an event is parked by stream. */
  readonly key?: string
  /** Full type of the event. */
  readonly type?: string
  /** `unreadable` picks all that cannot be read. */
  readonly reason?: ParkedReason
  /** How it is parked: by its row's key, or by its stream. */
  readonly by?: 'key' | 'stream'
  readonly position?: number
  /** A part of the error's text. */
  readonly error?: string
  /** ISO 8601: parked before it. */
  readonly before?: string
}

/** One event that is set aside for one projection. */
export interface ParkedEntry extends ParkedUnit {
  /** Of a SQL projection, whose name has the prefix `sql:` and whose keys are streams; or of one that folds rows. */
  readonly kind: 'fold' | 'sql'
  readonly lane: number
  readonly position: number
  readonly version: number
  readonly tenant: string
  readonly stream: string
  readonly type: string
  readonly eventId: string
  /** Why it is parked itself; `behind`: it waits for an earlier one of its key. */
  readonly reason: ParkedReason
  /** Times it was tried. */
  readonly attempts: number
  readonly error: string | null
  /** ISO 8601, UTC. */
  readonly parkedAt: string
}

/** A place in the list: entries are in the order of lanes, then positions, then the projections' registration. */
export interface ParkedPlace {
  readonly lane: number
  readonly position: number
  readonly id: number
}

// Only what a lane is made of now: what a retired version left behind is nobody's to repair.
const FROM = `from tidemark.parked p
       join tidemark.projections n on n.id = p.projection
       left join tidemark.projection_lanes l on l.projection = p.projection and l.lane = p.lane and l.state = 'live'
       left join tidemark.sql_lanes s on s.projection = p.projection and s.lane = p.lane
      where (l.projection is not null or s.projection is not null and ${IS_LOOKED_AFTER})
        and ($1::text is null or p.tenant = $1) and ($2::text is null or n.name = $2) and ($3::text is null or p.key = $3)
        and ($4::text is null or p.type = $4) and ($5::text is null or p.reason = any (string_to_array($5, ','))) and ($6::text is null or p.by = $6)
        and ($7::bigint is null or p.position = $7) and ($8::text is null or strpos(p.error ->> 'message', $8) > 0)
        and ($9::timestamptz is null or p.parked_at < $9)`

const parameters = (filter: ParkedFilter): readonly (string | number | null)[] => [
  filter.tenant ?? null,
  filter.projection ?? null,
  filter.key ?? null,
  filter.type ?? null,
  filter.reason === undefined ? null : reasonsOf(filter.reason).join(','),
  filter.by ?? null,
  filter.position ?? null,
  filter.error ?? null,
  filter.before ?? null,
]

const KIND = `case when s.projection is null then 'fold' else 'sql' end`

/** `id`: of the version in the catalogue. */
export type ListedParked = ParkedEntry & { readonly id: number }

export async function listParked(
  sql: Driver,
  input: { filter: ParkedFilter; after: ParkedPlace | null; limit: number },
): Promise<readonly ListedParked[]> {
  const { filter, after, limit } = input
  return sql.query<ListedParked>(
    `select p.projection as id, ${KIND} as kind, n.name as projection, n.version, p.by, p.key, p.lane, p.position, p.tenant, p.stream, p.type,
            p.event_id as "eventId", p.reason, p.attempts, p.error ->> 'message' as error,
            to_char(p.parked_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "parkedAt"
       ${FROM} and ($10::integer is null or (p.lane, p.position, p.projection) > ($10, $11::bigint, $12::integer))
      order by p.lane, p.position, p.projection limit $13`,
    [...parameters(filter), after?.lane ?? null, after?.position ?? null, after?.id ?? null, limit],
  )
}

/** Keys and streams that have parked events of the filter, those that were parked first come first. */
export async function parkedUnits(
  sql: Driver,
  input: { filter: ParkedFilter; limit: number },
): Promise<readonly (ParkedUnit & Pick<ListedParked, 'id' | 'kind' | 'lane' | 'tenant'>)[]> {
  return sql.query<ParkedUnit & Pick<ListedParked, 'id' | 'kind' | 'lane' | 'tenant'>>(
    `select n.name as projection, p.by, p.key, p.tenant, p.lane, ${KIND} as kind, min(p.projection) as id
       ${FROM}
      group by n.name, p.by, p.key, p.tenant, p.lane, kind, case when s.projection is null then 0 else p.projection end
      order by min(p.position), 1, 2, 3 limit $10`,
    [...parameters(input.filter), input.limit],
  )
}

/** What a person decided about parked events, and what became of it. */
export interface ParkedDecided extends ActionRecord {
  /** About events of SQL projections, or of those that fold rows. */
  readonly kind: 'fold' | 'sql'
  readonly lane: number
  /** Of the control event; `null` where it needs none, for SQL projections. */
  readonly position: number | null
  readonly tenant: string
  /** ISO 8601, UTC. */
  readonly at: string
  /** What it is about, of a SQL projection: each stream has a decision of its own. */
  readonly unit?: ParkedUnit
  /** The event that was edited, with what it says since. */
  readonly edit?: EventEdit
}

/** The newest decisions first. */
export async function decidedParked(
  sql: Driver,
  input: { tenant: string | null; limit: number },
): Promise<readonly ParkedDecided[]> {
  const found = await sql.query<
    Omit<ParkedDecided, 'edit' | 'note' | 'unit'> & {
      readonly note: string | null
      readonly edit: EventEdit | null
      readonly unit: ParkedUnit | null
    }
  >(
    `select a.kind, a.lane, a.position, a.tenant, a.action, a.principal, a.settled, a.skipped, a.remaining, a.more, a.note,
            to_char(a.at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at, a.unit, a.edit
       from (
         select 'fold' as kind, a.lane, a.position, a.tenant, a.action, a.principal, a.settled, a.skipped, a.remaining,
                a.more, a.note, a.at, null::json as unit,
                (select json_build_object('position', e.position, 'projection', e.projection_name, 'schema', e.schema,
                                          'data', e.data)
                   from tidemark.edits e
                  where e.lane = a.lane and e.by_position = a.position and e.projection_name not like 'sql:%') as edit
           from tidemark.parked_actions a
         union all
         select 'sql', d.lane, null, d.tenant, d.action, d.principal, d.settled, d.skipped, d.remaining, false, d.note, d.at,
                json_build_object('projection', n.name, 'by', 'key', 'key', d.stream),
                (select json_build_object('position', e.position, 'projection', e.projection_name, 'schema', e.schema,
                                          'data', e.data)
                   from tidemark.edits e
                  where d.action = 'edit' and e.lane = d.lane and e.position = d.position and e.projection_name = n.name
                    and e.data = d.data)
           from tidemark.sql_decisions d join tidemark.projections n on n.id = d.projection where d.done_at is not null) as a
      where $1::text is null or a.tenant = $1
      order by a.at desc, a.lane, a.position desc limit $2`,
    [input.tenant, input.limit],
  )
  return found.map(({ edit, note, unit, ...decided }) => ({
    ...decided,
    ...(note === null ? {} : { note }),
    ...(unit === null ? {} : { unit }),
    ...(edit === null ? {} : { edit }),
  }))
}

/** What became of a control event; `undefined` while it is not carried out. */
export async function readAction(
  sql: Driver,
  input: { lane: number; position: number },
): Promise<ActionRecord | undefined> {
  const [found] = await sql.query<ActionRecord>(
    `select action, principal, settled, skipped, remaining, more from tidemark.parked_actions
      where lane = $1 and position = $2`,
    [input.lane, input.position],
  )
  return found
}
