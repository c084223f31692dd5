import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Domain } from '@tidemark/core'
import { openProjections } from '@tidemark/projections'
import { openStore, type PostgresStore } from '@tidemark/store'
import type { Sql } from 'postgres'
import { openEmmett } from '../append/emmett.ts'
import { addFigure, addQuotient, type Samples } from '../measure/report.ts'
import type { MeasuredServer } from '../measure/server.ts'
import { measureBurst, writeLagChart } from './burst.ts'
import { fillLog } from './fill-log.ts'
import { measureRowsFollowing } from './follow-rows.ts'
import { lines, withStates } from './lines.ts'
import { openPlainSql } from './plain-sql.ts'
import { runRawUpserts } from './raw-upserts.ts'

export interface ProjectionPlan {
  readonly rounds: number
  /** Events of ours and of the loop in one round; Emmett gets the tenth part, at a tenth of the rate. */
  readonly events: number
  readonly followSeconds: number
  readonly smallBacklog: number
  readonly largeBacklog: number
  readonly burst: number
  readonly quick: boolean
}

const TENANT = 'bench'
type Progress = (line: string) => void

/** Ours, Emmett's consumer and the bare loop over the same events in turn; then freshness, a burst, and memory. */
export async function measureProjections(
  server: MeasuredServer,
  plan: ProjectionPlan,
  samples: Samples,
  progress: Progress,
): Promise<void> {
  const live = await measureLive(server, plan, samples, progress)
  await measureFreshness(server, plan, samples, progress)
  await measureOverload(server, plan, live, samples, progress)
  await measureMemory(server, plan, samples, progress)
}

/** Returns our events per second, the median. */
async function measureLive(
  server: MeasuredServer,
  plan: ProjectionPlan,
  samples: Samples,
  progress: Progress,
): Promise<number> {
  const url = await server.createDatabase('bench_live')
  const emmett = await openEmmett(await server.createDatabase('bench_live_emmett'))
  const store = await openStore({ url })
  const sql = openPlainSql(url)
  const rates: number[] = []
  try {
    await prepareLog(store, sql, plan.events)
    await emmett.fill('order/one', 1_000)
    const ours = async (domain: Domain): Promise<number> => {
      await forgetRows(sql)
      return timed(plan.events, () => foldAll(store, domain, plan.events))
    }
    const theirs = async (): Promise<number> => {
      const events = Math.max(1_000, Math.round(plan.events / 10 / 1_000) * 1_000)
      await emmett.empty()
      for (let order = 0; order < events / 1_000; order++) await emmett.fill(`order/${order}`, 1_000)
      return timed(events, () => emmett.upsertRows(events))
    }
    await ours(lines)
    for (let round = 0; round < plan.rounds; round++) {
      const rate = { ours: 0, emmett: 0, raw: 0 }
      const cells = [
        async () => void (rate.ours = await ours(lines)),
        async () => void (rate.emmett = await theirs()),
        async () => void (rate.raw = await timed(plan.events, () => runRawUpserts(sql, plan.events))),
      ]
      if (round % 2 === 1) cells.reverse()
      for (const cell of cells) await cell()
      rates.push(rate.ours)
      addFigure(samples, 'livePerSecond', rate.ours)
      addFigure(samples, 'emmettPerSecond', rate.emmett)
      addFigure(samples, 'rawUpsertPerSecond', rate.raw)
      addQuotient(samples, 'liveVsEmmett', rate.ours / rate.emmett)
      addQuotient(samples, 'liveVsRawUpsert', rate.ours / rate.raw)
      if (round < 3) addFigure(samples, 'liveWithStatesPerSecond', await ours(withStates))
      progress(
        `round ${round + 1} of ${plan.rounds}: ${Math.round(rate.ours)}/s, Emmett ${Math.round(rate.emmett)}/s, bare ${Math.round(rate.raw)}/s`,
      )
    }
  } finally {
    await emmett.close()
    await sql.end({ timeout: 5 })
    await store.close()
  }
  return rates.toSorted((a, b) => a - b)[Math.floor(rates.length / 2)] ?? 0
}

async function measureFreshness(
  server: MeasuredServer,
  plan: ProjectionPlan,
  samples: Samples,
  progress: Progress,
): Promise<void> {
  const url = await server.createDatabase('bench_fresh')
  const store = await openStore({ url })
  const otherStore = await openStore({ url, migrate: false })
  const same = await openProjections({ store, domain: lines })
  const other = await openProjections({ store: otherStore, domain: lines })
  try {
    await store.laneOf(TENANT)
    same.start()
    // Only one works in a lane: the other stands by and sees the checkpoint.
    await measureRowsFollowing(store, [same], TENANT, { perSecond: 50, seconds: 1 })
    other.start()
    for (let round = 0; round < Math.min(3, plan.rounds); round++) {
      const load = { perSecond: 500, seconds: plan.followSeconds }
      const [here, there] = await measureRowsFollowing(store, [same, other], TENANT, load)
      if (here === undefined || there === undefined) throw new Error('A reader was not measured.')
      addFigure(samples, 'rowSameNodeP50Ms', here.p50)
      addFigure(samples, 'rowSameNodeP99Ms', here.p99)
      addFigure(samples, 'rowOtherNodeP50Ms', there.p50)
      addFigure(samples, 'rowOtherNodeP99Ms', there.p99)
      progress(
        `rows readable after ${here.p50.toFixed(1)} / ${here.p99.toFixed(1)} ms, elsewhere ${there.p50.toFixed(1)} / ${there.p99.toFixed(1)} ms`,
      )
    }
  } finally {
    await Promise.all([same.close(), other.close()])
    await Promise.all([store.close(), otherStore.close()])
  }
}

async function measureOverload(
  server: MeasuredServer,
  plan: ProjectionPlan,
  sustainable: number,
  samples: Samples,
  progress: Progress,
): Promise<void> {
  const url = await server.createDatabase('bench_burst')
  const store = await openStore({ url })
  const sql = openPlainSql(url)
  const projections = await openProjections({ store, domain: lines, pollMs: 20 })
  try {
    await prepareLog(store, sql, 1_000)
    projections.start()
    await projections.waitFor({ lane: 0, position: 1_000 }, 30_000)
    const load = { after: 1_000, events: plan.burst, perSecond: 2 * sustainable }
    const burst = await measureBurst(sql, projections, TENANT, load)
    addFigure(samples, 'burstReturned', 1)
    addFigure(samples, 'burstPeakLagEvents', burst.peakLag)
    addFigure(samples, 'burstDrainSeconds', burst.drainSeconds)
    addFigure(samples, 'burstPerSecond', burst.perSecond)
    writeLagChart(plan.quick ? 'projections-quick-lag' : 'projections-lag', burst)
    progress(
      `burst of ${plan.burst} at ${Math.round(burst.perSecond)}/s: ${burst.peakLag} behind, gone ${burst.drainSeconds.toFixed(1)} s after it`,
    )
  } finally {
    await projections.close()
    await sql.end({ timeout: 5 })
    await store.close()
  }
}

async function measureMemory(
  server: MeasuredServer,
  plan: ProjectionPlan,
  samples: Samples,
  progress: Progress,
): Promise<void> {
  const peaks: number[] = []
  for (const [name, events] of Object.entries({ small: plan.smallBacklog, large: plan.largeBacklog })) {
    const url = await server.createDatabase(`bench_memory_${name}`)
    const store = await openStore({ url })
    const sql = openPlainSql(url)
    await prepareLog(store, sql, events)
    await sql.end({ timeout: 5 })
    await store.close()
    const megabytes = await peakMemory(url)
    peaks.push(megabytes)
    addFigure(samples, `${name}BacklogPeakMb`, megabytes)
    progress(`backlog of ${events}: ${megabytes.toFixed(0)} MB at most`)
  }
  const [small = Number.NaN, large = Number.NaN] = peaks
  addQuotient(samples, 'memoryBacklog', large / small)
}

const run = promisify(execFile)

/** Small and fixed spaces: with room to spare V8 lets garbage lie, the more the longer a process runs. */
const HEAP = ['--max-semi-space-size=4', '--max-old-space-size=96']

/** Megabytes that a process needed at most to work off the log's backlog. */
async function peakMemory(url: string): Promise<number> {
  const { stdout } = await run(process.execPath, [...HEAP, join(import.meta.dirname, 'backlog-process.js'), url])
  return Number(stdout) / 1_024
}

async function prepareLog(store: PostgresStore, sql: Sql, events: number): Promise<void> {
  await store.laneOf(TENANT)
  for (let after = 0; after < events; after += 250_000) {
    await fillLog(sql, TENANT, { after, upTo: Math.min(events, after + 250_000) })
  }
  await sql.unsafe('vacuum analyze tidemark.events')
}

/** Everything but the log: what is folded next begins with the first event, in tables of the first day. */
async function forgetRows(sql: Sql): Promise<void> {
  const [found] = await sql.unsafe("select to_regclass('tidemark.rows') is not null as there")
  if (found?.['there'] !== true) return
  await sql.unsafe(`truncate tidemark.rows, tidemark.tombstones, tidemark.parked, tidemark.projection_lanes,
    tidemark.checkpoints, tidemark.leases`)
}

async function foldAll(store: PostgresStore, domain: Domain, events: number): Promise<void> {
  const projections = await openProjections({ store, domain })
  try {
    projections.start()
    const reached = await projections.waitFor({ lane: 0, position: events }, 120_000)
    if (reached.kind !== 'reached') throw new Error(`The rows had come to ${reached.at} of ${events} after 2 min.`)
  } finally {
    await projections.close()
  }
}

async function timed(events: number, work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return (events / (performance.now() - startedAt)) * 1_000
}
