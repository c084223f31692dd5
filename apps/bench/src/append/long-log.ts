import { openStore, type PostgresStore } from '@tidemark/store'
import postgres from 'postgres'
import { loadFor, type Load } from '../measure/load.ts'
import { addFigure, addQuotient, type Samples } from '../measure/report.ts'
import type { MeasuredServer } from '../measure/server.ts'
import { spreadAppends } from './ours.ts'
import { DATA, EVENT_TYPE, METADATA } from './workload.ts'

export interface LongLogPlan {
  readonly rounds: number
  readonly ms: number
  readonly small: number
  readonly large: number
}

const TENANT = 'bench'
const ROWS_PER_STATEMENT = 250_000
const WARM_UP_MS = 3_000

/** What an append costs in a log of 10 million events, against one of 100 thousand. Two logs, in turn. */
export async function measureLongLog(
  server: MeasuredServer,
  plan: LongLogPlan,
  samples: Samples,
  progress: (line: string) => void,
): Promise<void> {
  const stores: PostgresStore[] = []
  try {
    for (const [name, events] of Object.entries({ bench_small: plan.small, bench_large: plan.large })) {
      const url = await server.createDatabase(name)
      const store = await openStore({ url })
      stores.push(store)
      await fillLog(url, await store.laneOf(TENANT), events, progress)
    }
    const [small, large] = stores as [PostgresStore, PostgresStore]
    const at = (store: PostgresStore): Promise<Load> => loadFor(plan.ms, spreadAppends(store, TENANT, 512))
    // What was written past the store has to be read into memory once, which on a slow disk takes a while.
    for (const store of stores) await loadFor(WARM_UP_MS, spreadAppends(store, TENANT, 512))
    for (let round = 0; round < plan.rounds; round++) {
      const [first, second] = round % 2 === 0 ? [small, large] : [large, small]
      const loads = new Map([[first, await at(first)]])
      loads.set(second, await at(second))
      const [fast, slow] = [loads.get(small)?.perSecond ?? Number.NaN, loads.get(large)?.perSecond ?? Number.NaN]
      addFigure(samples, 'append512At100kPerSecond', fast)
      addFigure(samples, 'append512At10MPerSecond', slow)
      addQuotient(samples, 'appendAt10MVs100k', fast / slow)
      progress(`long log, round ${round + 1} of ${plan.rounds}: ${(fast / slow).toFixed(2)}`)
    }
  } finally {
    await Promise.all(stores.map((store) => store.close()))
  }
}

/** The bench's own rows, five to a stream, written past the store. Ids are ordered in time, as all of ours. */
async function fillLog(url: string, lane: number, events: number, progress: (line: string) => void): Promise<void> {
  const sql = postgres(url, { max: 1, fetch_types: false, onnotice: () => undefined })
  try {
    for (let first = 0; first < events; first += ROWS_PER_STATEMENT) {
      const last = Math.min(events, first + ROWS_PER_STATEMENT)
      await sql.unsafe(
        `insert into tidemark.events (
           lane, position, id, tenant, stream, version, type, schema, data, metadata, principal, device, command_id,
           command_hash, occurred_at, recorded_at)
         select $1::integer, n, i.id, $2, 'order/' || s.id, (n - 1) % 5 + 1, $3, 1, $4::text::jsonb, $5::text::jsonb,
                'ada', 'device-1', i.id, i.id, t.at, t.at
           from generate_series($6::bigint + 1, $7::bigint) as n
          cross join lateral (select timestamptz '2026-01-01 00:00:00Z' + n * interval '100 us' as at) as t
          cross join lateral (select ${idOf('n', '7')} as id) as i
          cross join lateral (select ${idOf('((n - 1) / 5 * 5)', '8')} as id) as s`,
        [lane, TENANT, EVENT_TYPE, JSON.stringify(DATA), JSON.stringify(METADATA), first, last],
      )
      progress(`${last.toLocaleString('en')} of ${events.toLocaleString('en')} events stored`)
    }
    await sql.unsafe('vacuum analyze tidemark.events')
    const [size] = await sql.unsafe<{ gb: number }[]>(
      'select (pg_database_size(current_database()) / 1e9)::float8 as gb',
    )
    progress(`${events.toLocaleString('en')} events take ${(size?.gb ?? Number.NaN).toFixed(1)} GB`)
  } finally {
    await sql.end({ timeout: 5 })
  }
}

/** A version 7 id from a number: its order in front, and then what no order can be seen in. */
function idOf(number: string, version: string): string {
  return `(lpad(to_hex(1767225600000 + ${number} / 10), 12, '0') || '${version}' || substr(md5(${number}::text), 1, 3)
           || '8' || substr(md5(${number}::text), 4, 15))::uuid`
}
