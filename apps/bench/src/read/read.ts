import { createAggregateLoader, createSnapshots, openStore, type PostgresStore } from '@tidemark/store'
import postgres, { type Sql } from 'postgres'
import { openEmmett, type Emmett } from '../append/emmett.ts'
import { stockDomain } from '../append/stock.ts'
import { medianOf } from '../measure/ratio.ts'
import { addFigure, addQuotient, type Bar, type Samples } from '../measure/report.ts'
import type { MeasuredServer } from '../measure/server.ts'
import { fillStream } from './fill-stream.ts'

export interface ReadPlan {
  readonly rounds: number
  /** Events of the long stream. */
  readonly events: number
  /** Loads of an aggregate whose median counts. */
  readonly loads: number
}

export const READ_BARS: readonly Bar[] = [
  {
    of: 'longStreamVs100',
    limit: 3,
    better: 'lower',
    unit: '×',
    what: 'load by snapshot and tail, against 100 events',
  },
  {
    of: 'readVsPlainSelect',
    limit: 0.6,
    better: 'higher',
    unit: '×',
    what: 'read a long stream, against a plain SELECT',
  },
]

const TENANT = 'bench'
const LONG = 'stock/long'
const SHORT = 'stock/short'
const SHORT_EVENTS = 100
/** Twice what the policy leaves behind a snapshot on average. */
const TAIL_EVENTS = 199

/** Reading streams: whole ones, and aggregates. */
export async function measureReads(
  server: MeasuredServer,
  plan: ReadPlan,
  samples: Samples,
  progress: (line: string) => void,
): Promise<void> {
  const url = await server.createDatabase('bench_read')
  const store = await openStore({ url })
  const emmett = await openEmmett(await server.createDatabase('bench_emmett'))
  const sql = postgres(url, { max: 1, onnotice: () => undefined })
  try {
    const lane = await store.laneOf(TENANT)
    await fillStream(store.sql(), { tenant: TENANT, stream: LONG, lane, events: plan.events - TAIL_EVENTS })
    await fillStream(store.sql(), { tenant: TENANT, stream: SHORT, lane, events: SHORT_EVENTS })
    const loader = createLoader(store)
    const taken = await loader.snapshot(TENANT, LONG)
    if (taken.kind !== 'taken') throw new Error(`No snapshot: ${JSON.stringify(taken)}`)
    await fillStream(store.sql(), { tenant: TENANT, stream: LONG, lane, events: TAIL_EVENTS })
    await emmett.fill(LONG, plan.events)
    // As in any database that has been up for a while.
    await store.sql().script('analyze')
    progress(`${plan.events} events stored on both sides`)
    for (let round = 0; round < plan.rounds; round++) {
      await measureWholeStream(store, sql, plan, samples, round)
      if (round < 3) await measureEmmett(emmett, plan, samples)
      await measureLoads(loader, plan, samples, round)
      await measureCatchUp(store, lane, samples)
      const last = [...samples.quotients].map(([name, values]) => `${name} ${values.at(-1)?.toFixed(2)}`)
      progress(`reads, round ${round + 1} of ${plan.rounds}: ${last.join(', ')}`)
    }
  } finally {
    await Promise.all([store.close(), emmett.close(), sql.end({ timeout: 5 })])
  }
}

function createLoader(store: PostgresStore) {
  return createAggregateLoader({
    store,
    domain: stockDomain,
    snapshots: createSnapshots(store.sql()),
    // Every load is to find what the first one found.
    policy: { everyEvents: false, often: false, staleMs: false },
  })
}

async function measureWholeStream(
  store: PostgresStore,
  sql: Sql,
  plan: ReadPlan,
  samples: Samples,
  round: number,
): Promise<void> {
  const ours = async (): Promise<number> => {
    const [events] = await store.readStreams([{ tenant: TENANT, stream: LONG, after: 0 }])
    return events?.length ?? 0
  }
  const plain = async (): Promise<number> =>
    (await sql`select * from tidemark.events where tenant = ${TENANT} and stream = ${LONG} order by version`).length
  const msBySide = new Map<string, number>()
  const sides = [['ours', ours] as const, ['plain', plain] as const]
  for (const [name, read] of round % 2 === 1 ? sides.toReversed() : sides) {
    const startedAt = performance.now()
    if ((await read()) !== plan.events) throw new Error(`${name} did not read every event.`)
    msBySide.set(name, performance.now() - startedAt)
  }
  const [oursMs = Number.NaN, plainMs = Number.NaN] = [msBySide.get('ours'), msBySide.get('plain')]
  addFigure(samples, 'readPerSecond', (plan.events / oursMs) * 1_000)
  addFigure(samples, 'plainSelectPerSecond', (plan.events / plainMs) * 1_000)
  addQuotient(samples, 'readVsPlainSelect', plainMs / oursMs)
}

async function measureEmmett(emmett: Emmett, plan: ReadPlan, samples: Samples): Promise<void> {
  const startedAt = performance.now()
  if ((await emmett.read(LONG)) !== plan.events) throw new Error('Emmett did not read every event.')
  addFigure(samples, 'emmettReadPerSecond', (plan.events / (performance.now() - startedAt)) * 1_000)
}

async function measureLoads(
  loader: ReturnType<typeof createLoader>,
  plan: ReadPlan,
  samples: Samples,
  round: number,
): Promise<void> {
  const load = async (stream: string, folded: number): Promise<number> => {
    const startedAt = performance.now()
    const answer = await loader.load(TENANT, stream)
    const ms = performance.now() - startedAt
    if (answer.kind !== 'loaded' || answer.folded !== folded) throw new Error(`${stream} was not loaded as expected.`)
    return ms
  }
  const times: Record<'long' | 'short', number[]> = { long: [], short: [] }
  for (let index = 0; index < plan.loads; index++) {
    // In turn, load by load, and the other way round in every second pair.
    const longFirst = (index + round) % 2 === 0
    if (longFirst) times.long.push(await load(LONG, TAIL_EVENTS))
    times.short.push(await load(SHORT, SHORT_EVENTS))
    if (!longFirst) times.long.push(await load(LONG, TAIL_EVENTS))
  }
  addFigure(samples, 'loadLongP50Ms', medianOf(times.long))
  addFigure(samples, 'load100P50Ms', medianOf(times.short))
  addQuotient(samples, 'longStreamVs100', medianOf(times.long) / medianOf(times.short))
}

/** A subscription from the very start of the lane to its head. */
async function measureCatchUp(store: PostgresStore, lane: number, samples: Samples): Promise<void> {
  const head = await store.head(lane)
  const stop = new AbortController()
  const startedAt = performance.now()
  let position = 0
  for await (const events of store.subscribe({ lane, after: 0, signal: stop.signal })) {
    position = events.at(-1)?.position ?? position
    if (position >= head) break
  }
  addFigure(samples, 'catchUpPerSecond', (position / (performance.now() - startedAt)) * 1_000)
}
