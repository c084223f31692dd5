import type { Driver } from '@tidemark/store'

/** What tells one database with a log from another. */
export interface LogIdentity {
  /** Of the server that answers, and its database: the same for one database only. */
  readonly database: string
  readonly standby: boolean
  /** Where each lane ends. */
  readonly lanes: readonly { readonly lane: number; readonly head: number; readonly eventId: string }[]
}

export async function readIdentity(sql: Driver): Promise<LogIdentity> {
  const [found] = await sql.query<Omit<LogIdentity, 'lanes'> & { readonly lanes: LogIdentity['lanes'] | null }>(
    `select (select s.system_identifier::text from pg_control_system() as s) || '/' || d.oid as database,
            pg_is_in_recovery() as standby,
            (select json_agg(json_build_object('lane', l.lane, 'head', e.position, 'eventId', e.id) order by l.lane)
               from (select lane from tidemark.tenants union select 0) as l
              cross join lateral (select e.position, e.id from tidemark.events e where e.lane = l.lane
                                   order by e.position desc limit 1) as e) as lanes
       from pg_database d where d.datname = current_database()`,
  )
  if (found === undefined) throw new Error('The database told nothing about itself.')
  return { ...found, lanes: found.lanes ?? [] }
}

/** The event at a position, `null` where the log has none there, or has archived it. */
export async function readEventAt(sql: Driver, input: { lane: number; position: number }): Promise<string | null> {
  const [found] = await sql.query<{ id: string | null }>('select tidemark.event_at($1, $2) as id', [
    input.lane,
    input.position,
  ])
  return found?.id ?? null
}
