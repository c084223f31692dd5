import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { openProjections, openRebuildTools, type RebuildTools } from '@tidemark/projections'
import { openStore, type PostgresStore } from '@tidemark/store'
import type { Sql } from 'postgres'
import { createEntries, toAppendRequest } from '../append/workload.ts'
import { medianOf } from '../measure/ratio.ts'
import { addFigure, addQuotient, type Bar, type Samples } from '../measure/report.ts'
import type { MeasuredServer } from '../measure/server.ts'
import { quantileOf } from '../smoke/quantiles.ts'
import { fillLog } from './fill-log.ts'
import { lines } from './lines.ts'
import { openPlainSql } from './plain-sql.ts'

export interface RebuildPlan {
  readonly rounds: number
  readonly events: number
  /** Of the one large rebuild. */
  readonly large: number
  /** Milliseconds of appends without a rebuild; with one they last as long as it does. */
  readonly appendMs: number
}

export const REBUILD_BARS: readonly Bar[] = [
  {
    of: 'rebuildVsPlainRead',
    limit: 0.4,
    better: 'higher',
    unit: '×',
    what: 'a rebuild, against only reading the events',
  },
  {
    of: 'appendP99DuringRebuild',
    limit: 2,
    better: 'lower',
    unit: '×',
    what: '500 appends a second, p99 during a rebuild',
  },
  {
    of: 'rebuildShareUnderAppends',
    limit: 0.25,
    better: 'higher',
    unit: '×',
    what: 'speed of that rebuild, of its full speed',
  },
]

const TENANT = 'bench'
const EVENTS_PER_ROW = 10
const APPENDS_PER_SECOND = 500
type Progress = (line: string) => void

/** Rebuilds and plain reads of the same log in turn; appends with and without a rebuild in turn; one large rebuild. */
export async function measureRebuild(
  server: MeasuredServer,
  plan: RebuildPlan,
  samples: Samples,
  progress: Progress,
): Promise<void> {
  const url = await server.createDatabase('bench_rebuild')
  const store = await openStore({ url })
  const sql = openPlainSql(url)
  try {
    await fill(store, sql, plan.events)
    const full: number[] = []
    await withProjections(store, plan.events, async (rebuilds) => {
      for (let round = 0; round < plan.rounds; round++) {
        const rate = { rebuild: 0, read: 0 }
        const cells = [
          async () => void (rate.rebuild = await rebuildOnce(rebuilds, plan.events)),
          async () => void (rate.read = await readOnce(sql, plan.events)),
        ]
        if (round % 2 === 1) cells.reverse()
        for (const cell of cells) await cell()
        full.push(rate.rebuild)
        addFigure(samples, 'rebuildPerSecond', rate.rebuild)
        addFigure(samples, 'plainReadPerSecond', rate.read)
        addQuotient(samples, 'rebuildVsPlainRead', rate.rebuild / rate.read)
        progress(
          `round ${round + 1} of ${plan.rounds}: rebuild ${Math.round(rate.rebuild)}/s, only reading ${Math.round(rate.read)}/s`,
        )
      }
    })
    await measureAppends(url, store, plan, medianOf(full), samples, progress)
  } finally {
    await sql.end({ timeout: 5 })
    await store.close()
  }
  await measureLarge(server, plan.large, samples, progress)
}

/** The rebuild works in a process of its own, as beside a server; both sides have its live worker. */
async function measureAppends(
  url: string,
  store: PostgresStore,
  plan: RebuildPlan,
  fullPerSecond: number,
  samples: Samples,
  progress: Progress,
): Promise<void> {
  const rebuilds = openRebuildTools(store)
  const worker = spawn(process.execPath, [join(import.meta.dirname, 'rebuild-process.js'), url], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  try {
    await once(worker.stdout, 'data')
    const without = (): Promise<number> => appendWhile(store, (ms) => ms < plan.appendMs)
    const during = async (): Promise<number> => {
      const startedAt = performance.now()
      const build = await begin(rebuilds)
      let building = true
      const built = until(rebuilds, build, ({ state }) => state === 'done').finally(() => {
        building = false
      })
      const [p99] = await Promise.all([appendWhile(store, () => building), built])
      const perSecond = (plan.events / (performance.now() - startedAt)) * 1_000
      addQuotient(samples, 'rebuildShareUnderAppends', perSecond / fullPerSecond)
      return p99
    }
    await without()
    for (let round = 0; round < plan.rounds; round++) {
      const p99 = { without: 0, during: 0 }
      const cells = [async () => void (p99.without = await without()), async () => void (p99.during = await during())]
      if (round % 2 === 1) cells.reverse()
      for (const cell of cells) await cell()
      addFigure(samples, 'append500P99Ms', p99.without)
      addFigure(samples, 'append500DuringRebuildP99Ms', p99.during)
      addQuotient(samples, 'appendP99DuringRebuild', p99.during / p99.without)
      progress(
        `appends, round ${round + 1} of ${plan.rounds}: p99 ${p99.without.toFixed(1)} ms, during a rebuild ${p99.during.toFixed(1)} ms`,
      )
    }
  } finally {
    const ended = once(worker, 'exit')
    worker.stdin.end()
    await ended
  }
}

async function measureLarge(
  server: MeasuredServer,
  events: number,
  samples: Samples,
  progress: Progress,
): Promise<void> {
  const url = await server.createDatabase('bench_rebuild_large')
  const store = await openStore({ url })
  const sql = openPlainSql(url)
  try {
    await fill(store, sql, events)
    await withProjections(store, events, async (rebuilds) => {
      const rebuild = await rebuildOnce(rebuilds, events)
      const read = await readOnce(sql, events)
      addFigure(samples, 'largeRebuildPerSecond', rebuild)
      addFigure(samples, 'largeRebuildVsPlainRead', rebuild / read)
      progress(
        `${events} events into ${events / EVENTS_PER_ROW} rows: ${Math.round(rebuild)}/s, only reading ${Math.round(read)}/s`,
      )
    })
  } finally {
    await sql.end({ timeout: 5 })
    await store.close()
  }
}

/** Live rows of the whole log, in this process, while `use` works. */
async function withProjections(
  store: PostgresStore,
  events: number,
  use: (rebuilds: RebuildTools) => Promise<void>,
): Promise<void> {
  const projections = await openProjections({ store, domain: lines })
  try {
    projections.start()
    const reached = await projections.waitFor({ lane: 0, position: events }, 300_000)
    if (reached.kind !== 'reached') throw new Error(`The live rows had come to ${reached.at} of ${events} after 5 min.`)
    await use(projections.rebuilds)
  } finally {
    await projections.close()
  }
}

async function fill(store: PostgresStore, sql: Sql, events: number): Promise<void> {
  await store.laneOf(TENANT)
  for (let after = 0; after < events; after += 250_000) {
    await fillLog(sql, TENANT, { after, upTo: Math.min(events, after + 250_000), perStream: EVENTS_PER_ROW })
  }
  await sql.unsafe('vacuum analyze tidemark.events')
}

type BuildId = { readonly lane: number; readonly id: number }

async function begin(rebuilds: RebuildTools): Promise<BuildId> {
  const answer = await rebuilds.rebuild({ projection: 'lines' }, { principal: 'bench' })
  const [build] = answer.kind === 'requested' ? answer.builds : []
  if (build === undefined) throw new Error(`The rebuild was answered ${JSON.stringify(answer)}.`)
  return build
}

type BuildState = NonNullable<Awaited<ReturnType<RebuildTools['progress']>>>

async function until(
  rebuilds: RebuildTools,
  build: BuildId,
  holds: (state: BuildState) => boolean,
): Promise<BuildState> {
  const end = performance.now() + 300_000
  for (;;) {
    const state = await rebuilds.progress(build)
    if (state !== undefined && holds(state)) return state
    if (performance.now() > end || state?.state === 'held')
      throw new Error(`The rebuild stands: ${JSON.stringify(state)}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Events per second, from the request until the new rows are live: comparison and switch included. */
async function rebuildOnce(rebuilds: RebuildTools, events: number): Promise<number> {
  const startedAt = performance.now()
  const build = await begin(rebuilds)
  await until(rebuilds, build, ({ state }) => state === 'done')
  return (events / (performance.now() - startedAt)) * 1_000
}

const READ = `select position, id, tenant, stream, version, type, schema, data, metadata, principal, occurred_at, recorded_at
  from tidemark.events where lane = 0 and position > $1 and position <= $2 order by position limit 2000`

async function readOnce(sql: Sql, events: number): Promise<number> {
  const startedAt = performance.now()
  let read = 0
  for (let after = 0; read < events;) {
    const rows = (await sql.unsafe(READ, [after, events], { prepare: true })) as unknown as readonly {
      position: string
    }[]
    read += rows.length
    const last = rows.at(-1)
    if (last === undefined) throw new Error('The log ended before its end.')
    after = Number(last.position)
  }
  return (events / (performance.now() - startedAt)) * 1_000
}

/**
 * Milliseconds that 99 of 100 appends took at most. Open loop: they are sent when they are due, whatever the answers take, for
 * as long as `more` says.
 */
async function appendWhile(store: PostgresStore, more: (ms: number) => boolean): Promise<number> {
  const next = createEntries()
  const startedAt = performance.now()
  const waits: number[] = []
  const appends: Promise<void>[] = []
  for (let ms = 0; more(ms); ms = performance.now() - startedAt) {
    while (appends.length < (ms / 1_000) * APPENDS_PER_SECOND) {
      // From when it was due: a process that is held up must not hide it.
      const dueAt = startedAt + (appends.length / APPENDS_PER_SECOND) * 1_000
      appends.push(
        store.append(toAppendRequest(TENANT, next(), 'any')).then((answer) => {
          if (answer.kind !== 'appended') throw new Error(`An append was answered ${JSON.stringify(answer)}.`)
          waits.push(performance.now() - dueAt)
        }),
      )
    }
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await Promise.all(appends)
  return quantileOf(waits, 0.99)
}
