import type { Json } from '@tidemark/core'
import type { Driver } from '@tidemark/store'
import type { EventEdit } from '../apply-edits.ts'
import { keyId, type RowId, type StoredKey, type StoredState } from '../fold-batch.ts'

interface Loaded {
  readonly by: 'key' | 'streams' | 'skipped' | 'edited'
  readonly projection: number
  readonly tenant: string
  readonly key: string
  readonly row: string | null
  readonly scope: string | null
  readonly position: number | null
  readonly changed: number | null
  readonly stale: boolean | null
  readonly tombstone: number
  readonly parked: boolean
}

/**
 * What is stored for the keys a batch touches, and which streams are parked; one query, where no stream of the lane is. Every
 * key is looked up by primary key: `offset 0` keeps the planner from reading whole partitions to join them. Among the parked
 * events only where the lane has any.
 */
export async function loadBatch(
  sql: Driver,
  input: {
    keys: readonly RowId[]
    /** Of the events. Asked for only where a stream of the lane is parked. */
    streams: () => readonly { tenant: string; stream: string }[]
    /** The batch's events: those after `after` up to `to`. */
    range: { lane: number; after: number; to: number }
  },
): Promise<StoredState & { readonly skipped: ReadonlySet<string>; readonly edits: readonly EventEdit[] }> {
  const { keys } = input
  const loaded = await sql.query<Loaded>(
    `select 'key' as by, x.projection, x.tenant, x.key, r.row::text as row, r.scope, r.position, r.changed, r.stale,
            coalesce(t.position, 0) as tombstone, coalesce(p.parked, false) as parked
       from unnest($1::integer[], string_to_array($2, E'\\n'), string_to_array($3, E'\\n')) as x (projection, tenant, key)
       left join lateral (select r.row, r.scope, r.position, r.changed, r.stale from tidemark.rows r
                           where r.projection = x.projection and r.tenant = x.tenant and r.key = x.key offset 0) as r on true
       cross join lateral (select max(t.position) as position from tidemark.tombstones t
                            where t.projection = x.projection and t.tenant = x.tenant and t.key = x.key) as t
       left join lateral (select true as parked from tidemark.parked p
                           where (select exists (select from tidemark.parked q where q.lane = $4))
                             and p.tenant = x.tenant and p.by = 'key' and p.key = x.key and p.projection = x.projection
                           limit 1) as p on true
      where r.row is not null or t.position is not null or p.parked
      union all
     select 'streams', 0, '', '', null, null, null, null, null, 0, true
      where exists (select from tidemark.parked p where p.lane = $4 and p.by = 'stream')
      union all
     select 'skipped', 0, s.tenant, s.projection_name, null, null, s.position, null, null, 0, false
       from tidemark.skipped s where s.lane = $4 and s.position > $5 and s.position <= $6
      union all
     select 'edited', e.schema, e.tenant, e.projection_name, e.data::text, null, e.position, null, null, 0, false
       from tidemark.edits e where e.lane = $4 and e.position > $5 and e.position <= $6`,
    [
      `{${keys.map((key) => key.projection).join(',')}}`,
      keys.map((key) => key.tenant).join('\n'),
      keys.map((key) => key.key).join('\n'),
      input.range.lane,
      input.range.after,
      input.range.to,
    ],
  )
  const stored = new Map<string, StoredKey>()
  let parkedStreams: ReadonlySet<string> = NO_STREAMS
  const skipped = new Set<string>()
  const edits: EventEdit[] = []
  for (const found of loaded) {
    if (found.by === 'skipped') skipped.add(skipId(found.key, found.position ?? 0))
    else if (found.by === 'edited') edits.push(toEdit(found))
    else if (found.by === 'streams') parkedStreams = await readParkedStreams(sql, input.streams())
    else stored.set(keyId(found.projection, found.tenant, found.key), toStoredKey(found))
  }
  return { keys: stored, parkedStreams, skipped, edits }
}

const NO_STREAMS: ReadonlySet<string> = new Set()

/** By {@link keyId}, of these streams those that a projection has parked events of. */
async function readParkedStreams(
  sql: Driver,
  streams: readonly { tenant: string; stream: string }[],
): Promise<ReadonlySet<string>> {
  if (streams.length === 0) return NO_STREAMS
  const parked = await sql.query<{ projection: number; tenant: string; stream: string }>(
    `select p.projection, x.tenant, x.stream
       from unnest(string_to_array($1, E'\\n'), string_to_array($2, E'\\n')) as x (tenant, stream)
      cross join lateral (select distinct p.projection from tidemark.parked p
                           where p.tenant = x.tenant and p.by = 'stream' and p.key = x.stream) as p`,
    [streams.map((entry) => entry.tenant).join('\n'), streams.map((entry) => entry.stream).join('\n')],
  )
  return new Set(parked.map(({ projection, tenant, stream }) => keyId(projection, tenant, stream)))
}

/** Identity of an event that does not count for a projection. */
export function skipId(projectionName: string, position: number): string {
  return `${projectionName}\n${position}`
}

function toEdit({ projection: schema, key: projection, row, position }: Loaded): EventEdit {
  return { position: position ?? 0, projection, schema, data: JSON.parse(row ?? 'null') as Json }
}

function toStoredKey({ row, scope, position, changed, stale, tombstone, parked }: Loaded): StoredKey {
  if (row === null || scope === null || position === null || changed === null) {
    return { row: undefined, tombstone, parked }
  }
  return { row: { text: row, scope, position, changed, stale: stale === true }, tombstone, parked }
}
