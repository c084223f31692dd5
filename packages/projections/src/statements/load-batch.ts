import type { Json } from '@tidemark/core'
import type { Driver } from '@tidemark/store'
import type { EventEdit } from '../apply-edits.ts'
import { keyId, type RowId, type StoredKey, type StoredState } from '../fold-batch.ts'

interface Loaded {
  readonly by: 'key' | 'stream' | 'skipped' | 'edited'
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
 * What is stored for the keys a batch touches, and which streams are parked; one query. Every key is looked up by
 * primary key: `offset 0` keeps the planner from reading whole partitions to join them.
 */
export async function loadBatch(
  sql: Driver,
  input: {
    keys: readonly RowId[]
    streams: readonly { tenant: string; stream: string }[]
    /** The batch's events: those after `after` up to `to`. */
    range: { lane: number; after: number; to: number }
  },
): Promise<StoredState & { readonly skipped: ReadonlySet<string>; readonly edits: readonly EventEdit[] }> {
  const { keys, streams } = input
  const loaded = await sql.query<Loaded>(
    `select 'key' as by, x.projection, x.tenant, x.key, r.row::text as row, r.scope, r.position, r.changed, r.stale,
            coalesce(t.position, 0) as tombstone, coalesce(p.parked, false) as parked
       from unnest($1::integer[], string_to_array($2, E'\\n'), string_to_array($3, E'\\n')) as x (projection, tenant, key)
       left join lateral (select r.row, r.scope, r.position, r.changed, r.stale from tidemark.rows r
                           where r.projection = x.projection and r.tenant = x.tenant and r.key = x.key offset 0) as r on true
       cross join lateral (select max(t.position) as position from tidemark.tombstones t
                            where t.projection = x.projection and t.tenant = x.tenant and t.key = x.key) as t
       left join lateral (select true as parked from tidemark.parked p
                           where p.tenant = x.tenant and p.by = 'key' and p.key = x.key and p.projection = x.projection
                           limit 1) as p on true
      where r.row is not null or t.position is not null or p.parked
      union all
     select 'stream', p.projection, x.tenant, x.stream, null, null, null, null, null, 0, true
       from unnest(string_to_array($4, E'\\n'), string_to_array($5, E'\\n')) as x (tenant, stream)
      cross join lateral (select distinct p.projection from tidemark.parked p
                           where p.tenant = x.tenant and p.by = 'stream' and p.key = x.stream) as p
      union all
     select 'skipped', 0, s.tenant, s.projection_name, null, null, s.position, null, null, 0, false
       from tidemark.skipped s where s.lane = $6 and s.position > $7 and s.position <= $8
      union all
     select 'edited', e.schema, e.tenant, e.projection_name, e.data::text, null, e.position, null, null, 0, false
       from tidemark.edits e where e.lane = $6 and e.position > $7 and e.position <= $8`,
    [
      `{${keys.map((key) => key.projection).join(',')}}`,
      keys.map((key) => key.tenant).join('\n'),
      keys.map((key) => key.key).join('\n'),
      streams.map((entry) => entry.tenant).join('\n'),
      streams.map((entry) => entry.stream).join('\n'),
      input.range.lane,
      input.range.after,
      input.range.to,
    ],
  )
  const stored = new Map<string, StoredKey>()
  const parkedStreams = new Set<string>()
  const skipped = new Set<string>()
  const edits: EventEdit[] = []
  for (const found of loaded) {
    const id = keyId(found.projection, found.tenant, found.key)
    if (found.by === 'skipped') skipped.add(skipId(found.key, found.position ?? 0))
    else if (found.by === 'edited') edits.push(toEdit(found))
    else if (found.by === 'stream') parkedStreams.add(id)
    else stored.set(id, toStoredKey(found))
  }
  return { keys: stored, parkedStreams, skipped, edits }
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
