import type { StoredEvent } from '@tidemark/core'
import type { Driver } from '@tidemark/store'
import { Item, POISON } from '../test-domain.ts'
import { sqlProjection, type SqlProjection } from './sql-projection.ts'

/** A name the tables do not take: the database refuses it, where POISON is refused by the code. */
export const REFUSED = 'refused'

/** Where each item is, and how often each tenant did what: a counter would show every event counted twice. */
export function countingItems(fault: { there: boolean } = { there: true }, version = 1): SqlProjection {
  return sqlProjection('item-report', {
    on: [Item],
    version,
    tables: (schema) => [
      `create table ${schema}.items (tenant text collate "C", item text collate "C", box text, name text,
         primary key (tenant, item), check (name <> '${REFUSED}'))`,
      `create table ${schema}.counts (tenant text collate "C", what text collate "C", times bigint, primary key (tenant, what))`,
    ],
    apply: {
      'item.put': (e, { schema, tenant }) => [
        {
          text: `insert into ${schema}.items values ($1, $2, $3, $4)
                 on conflict (tenant, item) do update set box = excluded.box, name = excluded.name`,
          values: [tenant, e.streamId, e.data.box, e.data.name],
        },
        count(schema, tenant, 'put'),
      ],
      'item.renamed': (e, { schema, tenant }) => {
        if (fault.there && e.data.name === POISON) throw new Error('cannot take poison')
        return [
          {
            text: `update ${schema}.items set name = $3 where tenant = $1 and item = $2`,
            values: [tenant, e.streamId, e.data.name],
          },
          count(schema, tenant, 'renamed'),
        ]
      },
      'item.seen': (_, { schema, tenant }) => count(schema, tenant, 'seen'),
    },
  })
}

function count(schema: string, tenant: string, what: string): { text: string; values: string[] } {
  return {
    text: `insert into ${schema}.counts as c values ($1, $2, 1) on conflict (tenant, what) do update set times = c.times + 1`,
    values: [tenant, what],
  }
}

/** What the tables hold, in a form that {@link reportOf} has too. */
export async function readReport(sql: Driver, { schema }: SqlProjection): Promise<unknown> {
  const [items, counts] = await Promise.all([
    sql.query(`select tenant, item, box, name from ${schema}.items order by tenant, item`),
    sql.query(`select tenant, what, times from ${schema}.counts order by tenant, what`),
  ])
  return { items: items.map((row) => ({ ...row })), counts: counts.map((row) => ({ ...row })) }
}

/** The same from the log, one event after another. */
export function reportOf(events: readonly StoredEvent[], fails: (name: string) => boolean): unknown {
  const items = new Map<string, { tenant: string; item: string; box: string; name: string }>()
  const counts = new Map<string, { tenant: string; what: string; times: number }>()
  const held = new Set<string>()
  for (const { tenant, stream: item, type, data } of events) {
    const at = `${tenant}\n${item}`
    const { box = '', name = '' } = data as { box?: string; name?: string }
    const what = type.slice('item.'.length)
    if (!['put', 'renamed', 'seen'].includes(what)) continue
    // An update of a row that is not there refuses nothing.
    if (held.has(at) || (what === 'renamed' && fails(name) && (name === POISON || items.has(at)))) {
      held.add(at)
      continue
    }
    if (what === 'put') items.set(at, { tenant, item, box, name })
    const known = items.get(at)
    if (what === 'renamed' && known !== undefined) items.set(at, { ...known, name })
    const counter = `${tenant}\n${what}`
    counts.set(counter, { tenant, what, times: (counts.get(counter)?.times ?? 0) + 1 })
  }
  const inOrder = <T>(map: Map<string, T>): T[] =>
    [...map].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value)
  return { items: inOrder(items), counts: inOrder(counts) }
}
