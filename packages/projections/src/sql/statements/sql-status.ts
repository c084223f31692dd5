import type { Driver } from '@tidemark/store'

/** Why a SQL projection stands still, as the process at work said last. */
export interface SqlTrouble {
  /** `blocked`: it waits for newer code; `failing`: what it does fails, and is tried again. */
  readonly kind: 'blocked' | 'failing'
  readonly message: string
  /** ISO 8601, UTC: when it was noted. */
  readonly since: string
}

/** A version of a SQL projection in a lane, as the database knows it, whichever process works on it. */
export interface SqlStatus {
  /** With the prefix `sql:`, as a fold projection may have the same name. */
  readonly projection: string
  readonly version: number
  readonly lane: number
  readonly state: 'building' | 'live'
  readonly checkpoint: number
  readonly head: number
  readonly events: number
  /** Age of the oldest event that is not in its tables. */
  readonly seconds: number
  /** Events set aside, those behind others included. */
  readonly parked: number
  /** `changed`: the code that was opened last is another than the one that fills the tables. */
  readonly code: 'same' | 'changed' | 'unknown'
  /** Whether a process works on it at present. */
  readonly worked: boolean
  readonly pausedBy: string | null
  readonly trouble: SqlTrouble | null
}

/** A version that nobody runs, and that a higher one has taken the place of, is nobody's to look after. */
export const IS_LOOKED_AFTER = `(
  exists (select from tidemark.leases e
           where e.consumer = 'sql:' || s.projection and e.lane = s.lane and e.holder <> '' and e.expires_at > clock_timestamp())
  or not exists (select from tidemark.projections m join tidemark.projections h on h.name = m.name and h.version > m.version
                   join tidemark.sql_lanes o on o.projection = h.id and o.lane = s.lane and o.state = 'live'
                  where m.id = s.projection))`

export async function readSqlStatus(sql: Driver): Promise<readonly (SqlStatus & { readonly id: number })[]> {
  return sql.query<SqlStatus & { readonly id: number }>(
    `select s.projection as id, n.name as projection, n.version, s.lane, s.state, c.position as checkpoint, h.head,
            greatest(0, h.head - c.position) as events,
            greatest(0, coalesce(extract(epoch from clock_timestamp() - o.recorded_at), 0))::float8 as seconds,
            (select count(*) from tidemark.parked p where p.lane = s.lane and p.projection = s.projection) as parked,
            case when r.running is null then 'unknown' when r.running = r.definition then 'same' else 'changed' end as code,
            e.holder is not null and e.holder not like 'paused by %' as worked,
            case when e.holder like 'paused by %' then substr(e.holder, 11) end as "pausedBy", s.trouble
       from tidemark.sql_lanes s
       join tidemark.sql_projections r on r.projection = s.projection
       join tidemark.projections n on n.id = s.projection
       join tidemark.checkpoints c on c.consumer = 'sql:' || s.projection and c.lane = s.lane
       left join tidemark.leases e on e.consumer = 'sql:' || s.projection and e.lane = s.lane and e.holder <> ''
                                  and e.expires_at > clock_timestamp()
      cross join lateral (select coalesce(max(e.position), 0) as head from tidemark.events e where e.lane = s.lane) as h
       left join lateral (select e.recorded_at from tidemark.events e
                           where e.lane = s.lane and e.position > c.position order by e.position limit 1) as o on true
      where ${IS_LOOKED_AFTER}
      order by n.name, n.version, s.lane`,
  )
}

export async function noteTrouble(
  sql: Driver,
  input: { projection: number; lane: number; trouble: Omit<SqlTrouble, 'since'> | null },
): Promise<void> {
  const { projection, lane, trouble } = input
  const noted = trouble === null ? null : JSON.stringify({ ...trouble, since: new Date().toISOString() })
  await sql.query('select tidemark.note_sql_trouble($1, $2, $3::jsonb)', [projection, lane, noted])
}

/** The fingerprint of the code that fills the version's tables; `definition` is that of the code that is opened. */
export async function noteDefinition(
  sql: Driver,
  input: { projection: number; definition: string },
): Promise<string | null> {
  const [row] = await sql.query<{ definition: string | null }>(
    'select tidemark.note_sql_definition($1, $2) as definition',
    [input.projection, input.definition],
  )
  return row?.definition ?? null
}

/** How many versions of that name are taken to be of the code that was opened last, and were not before. */
export async function acceptDefinitions(sql: Driver, input: { name: string }): Promise<number> {
  const [row] = await sql.query<{ count: number }>('select tidemark.accept_sql_definition($1) as count', [input.name])
  return row?.count ?? 0
}

/** Takes a consumer's work in a lane out of everybody's hands. */
export async function pauseConsumer(
  sql: Driver,
  input: { consumer: string; lane: number; principal: string },
): Promise<void> {
  await sql.query('select tidemark.pause_consumer($1, $2, $3)', [input.consumer, input.lane, input.principal])
}

/** `false` where it is not paused. */
export async function resumeConsumer(sql: Driver, input: { consumer: string; lane: number }): Promise<boolean> {
  const [row] = await sql.query<{ resumed: boolean }>('select tidemark.resume_consumer($1, $2) as resumed', [
    input.consumer,
    input.lane,
  ])
  return row?.resumed === true
}
