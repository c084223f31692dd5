import type { Driver } from '@tidemark/store'

/** Makes a reaction known to the log; see the SQL function. */
export async function registerReaction(
  sql: Driver,
  input: { reaction: string; fromBeginning: boolean },
): Promise<void> {
  await sql.query('select tidemark.register_reaction($1, $2)', [input.reaction, input.fromBeginning])
}

/** Gives a consumer a checkpoint in a lane that is new to it. A lane that came after its registration is read whole. */
export async function enterReactionLane(sql: Driver, input: { consumer: string; lane: number }): Promise<void> {
  await sql.query(
    'insert into tidemark.checkpoints (consumer, lane, position) values ($1, $2, 0) on conflict do nothing',
    [input.consumer, input.lane],
  )
}

export interface StoredReactionLag {
  readonly reaction: string
  readonly lane: number
  /** All up to here has been looked at, as far as is stored. */
  readonly checkpoint: number
  /** Highest position of the log, read in the same snapshot. */
  readonly head: number
  /** Age of the oldest event after the checkpoint, by the database's clock; 0 where there is none. */
  readonly seconds: number
  /** Events set aside, those behind others included. */
  readonly parked: number
}

/** How far the reactions that the log has met are behind it, in every lane. */
export async function readReactionLag(sql: Driver): Promise<readonly StoredReactionLag[]> {
  return sql.query<StoredReactionLag>(
    `select r.name as reaction, l.lane, coalesce(c.position, 0) as checkpoint, h.head,
            greatest(0, coalesce(extract(epoch from clock_timestamp() - n.recorded_at), 0))::float8 as seconds,
            (select count(*) from tidemark.parked_reactions p where p.reaction = r.name and p.lane = l.lane) as parked
       from tidemark.reactions r
      cross join (select lane from tidemark.tenants union select 0 union select lane from tidemark.checkpoints) as l (lane)
       left join tidemark.checkpoints c on c.consumer = 'reaction:' || r.name and c.lane = l.lane
      cross join lateral (select coalesce(max(e.position), 0) as head from tidemark.events e where e.lane = l.lane) as h
       left join lateral (select e.recorded_at from tidemark.events e
                           where e.lane = l.lane and e.position > coalesce(c.position, 0)
                           order by e.position limit 1) as n on true
      order by r.name, l.lane`,
  )
}
