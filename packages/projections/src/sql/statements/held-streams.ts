import type { Json } from '@tidemark/core'
import type { Driver } from '@tidemark/store'
import type { EventEdit } from '../../apply-edits.ts'
import { streamKey } from '../plan-statements.ts'

/** Which of a batch's streams have parked events, which of its events were taken out or edited for good, and as of which revision. */
export async function readHeld(
  sql: Driver,
  input: {
    projection: number
    name: string
    streams: readonly { readonly tenant: string; readonly stream: string }[]
    range: { readonly lane: number; readonly after: number; readonly to: number }
  },
): Promise<{
  readonly parkedStreams: ReadonlySet<string>
  readonly skipped: ReadonlySet<number>
  readonly edits: readonly EventEdit[]
  readonly revision: number
}> {
  const { projection, name, streams, range } = input
  const found = await sql.query<{
    kind: 'parked' | 'skipped' | 'edited' | 'revision'
    tenant: string
    stream: string
    number: number
    edit: { readonly schema: number; readonly data: Json } | null
  }>(
    `select 'parked' as kind, x.tenant, x.stream, 0::bigint as number, null::json as edit
       from unnest(string_to_array($2, E'\\n'), string_to_array($3, E'\\n')) as x (tenant, stream)
      where exists (select from tidemark.parked p
                     where p.tenant = x.tenant and p.by = 'key' and p.key = x.stream and p.projection = $1)
      union all
     select 'revision', '', '', l.revision, null from tidemark.sql_lanes l where l.projection = $1 and l.lane = $4
      union all
     select 'skipped', '', '', s.position, null from tidemark.skipped s
      where s.lane = $4 and s.position > $5 and s.position <= $6 and s.projection_name = $7
      union all
     select 'edited', '', '', d.position, json_build_object('schema', d.schema, 'data', d.data) from tidemark.edits d
      where d.lane = $4 and d.position > $5 and d.position <= $6 and d.projection_name = $7`,
    [
      projection,
      streams.map((at) => at.tenant).join('\n'),
      streams.map((at) => at.stream).join('\n'),
      range.lane,
      range.after,
      range.to,
      name,
    ],
  )
  const parkedStreams = new Set<string>()
  const skipped = new Set<number>()
  const edits: EventEdit[] = []
  let revision = 0
  for (const { kind, tenant, stream, number, edit } of found) {
    if (kind === 'parked') parkedStreams.add(streamKey(tenant, stream))
    else if (kind === 'skipped') skipped.add(number)
    else if (edit !== null) edits.push({ position: number, projection: name, ...edit })
    else revision = number
  }
  return { parkedStreams, skipped, edits, revision }
}
