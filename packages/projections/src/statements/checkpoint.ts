import type { Driver } from '@tidemark/store'

/** All synced projections of a lane move together, so that one cursor covers them. */
export const SYNCED = 'synced'

/** Position of a consumer in a lane, `undefined` where it has none there. */
export async function readCheckpoint(
  sql: Driver,
  input: { consumer: string; lane: number },
): Promise<{ readonly position: number; readonly fence: number } | undefined> {
  const [row] = await sql.query<{ position: number; fence: number }>(
    'select position, fence from tidemark.checkpoints where consumer = $1 and lane = $2',
    [input.consumer, input.lane],
  )
  return row
}

/** Every lane that has a tenant or has been worked on; lane 0 always is one. */
export async function knownLanes(sql: Driver): Promise<readonly number[]> {
  const rows = await sql.query<{ lane: number }>(
    `select distinct lane from (select lane from tidemark.tenants union all select 0
                                union all select lane from tidemark.checkpoints) as known order by lane`,
  )
  return rows.map((row) => row.lane)
}

/** How far each lane's synced projections are behind the log, on the database's clock. */
export async function readLag(
  sql: Driver,
): Promise<readonly { lane: number; checkpoint: number; head: number; seconds: number; parked: number }[]> {
  return sql.query<{ lane: number; checkpoint: number; head: number; seconds: number; parked: number }>(
    `select l.lane, coalesce(c.position, 0) as checkpoint, h.head,
            greatest(0, coalesce(extract(epoch from clock_timestamp() - n.recorded_at), 0))::float8 as seconds,
            (select count(*) from tidemark.parked p where p.lane = l.lane) as parked
       from (select lane from tidemark.tenants union select 0 union select lane from tidemark.checkpoints) as l (lane)
       left join tidemark.checkpoints c on c.consumer = $1 and c.lane = l.lane
      cross join lateral (select coalesce(max(e.position), 0) as head from tidemark.events e where e.lane = l.lane) as h
       left join lateral (select e.recorded_at from tidemark.events e
                           where e.lane = l.lane and e.position > coalesce(c.position, 0)
                           order by e.position limit 1) as n on true
      order by l.lane`,
    [SYNCED],
  )
}
