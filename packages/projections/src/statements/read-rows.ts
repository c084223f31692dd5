import type { Json } from '@tidemark/core'
import { oneTenant, type Driver } from '@tidemark/store'

export interface RowsRead {
  readonly tenant: string
  readonly lane: number
  readonly projection: string
  readonly version: number
  readonly scopes: readonly string[]
  /** These keys, or the first `limit` rows by key after `after`. */
  readonly rows:
    | { readonly kind: 'keys'; readonly keys: readonly string[] }
    | { readonly kind: 'first'; readonly limit: number; readonly after?: string }
}

export interface ReadRow {
  readonly key: string
  readonly scope: string
  readonly row: Json
  readonly stale: boolean
  /** The last event folded into it. */
  readonly position: number
}

/** Rows of one live version, ordered by key. `undefined` where that version is not live in the lane. */
export async function readRows(sql: Driver, read: RowsRead): Promise<readonly ReadRow[] | undefined> {
  const keys = read.rows.kind === 'keys' ? JSON.stringify(read.rows.keys) : null
  const found = await sql.query<{ rows: readonly ReadRow[] }>(
    `select coalesce((
              select json_agg(json_build_object('key', x.key, 'scope', x.scope, 'row', x.row, 'stale', x.stale,
                                                'position', x.position) order by x.key)
                from (select r.key, r.scope, r.row, r.stale, r.position from tidemark.rows r
                       where r.projection = p.id and r.tenant = ${oneTenant('$1')}
                         and r.scope = any (array(select value from json_array_elements_text($5::json)))
                         and ($6::json is null or r.key = any (array(select value from json_array_elements_text($6::json))))
                         and r.key > $7
                       order by r.key limit $8::bigint) as x), '[]') as rows
       from tidemark.projections p join tidemark.projection_lanes l on l.projection = p.id
      where p.name = $3 and p.version = $4 and l.lane = $2 and l.state = 'live'`,
    [
      read.tenant,
      read.lane,
      read.projection,
      read.version,
      JSON.stringify(read.scopes),
      keys,
      read.rows.kind === 'first' ? (read.rows.after ?? '') : '',
      read.rows.kind === 'first' ? read.rows.limit : null,
    ],
  )
  return found[0]?.rows
}
