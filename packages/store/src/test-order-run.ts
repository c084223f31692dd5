/**
 * Runs schedules on a real Postgres: two nodes that write, one that reads, each schedule in a lane of its own and many beside each
 * other, so that a kill hits whoever is there. Throws at the first order that is broken, and names the schedule.
 */
import type { AppendRequest, EventStore, StoredEvent } from '@tidemark/core'
import { newAppend, newCommand, newEvent } from '@tidemark/testing/event-store-contract'
import { setTimeout as wait } from 'node:timers/promises'
import postgres, { type Sql } from 'postgres'
import { DatabaseError } from './errors.ts'
import { openStore, type PostgresStore } from './open-store.ts'
import { createPostgresDriver } from './postgres-driver.ts'
import type { Driver } from './driver.ts'
import { checkLane, LaneView, type Acknowledged } from './test-order-log.ts'
import { drawSchedule, type OrderFault, type OrderSchedule, type OrderStep } from './test-order-schedule.ts'

export interface OrderRun {
  readonly url: string
  /** Another database of the same cluster. */
  readonly elsewhere: string
  /** Of the first schedule; those after it have the seeds after it. */
  readonly seed: number
  readonly schedules: number
  /** So many at once. */
  readonly beside: number
  readonly onDone?: (done: OrderTotals) => void
}

export interface OrderTotals {
  schedules: number
  events: number
  kills: number
  aborted: number
  /** Appends whose answer was that nobody knows. */
  unknown: number
}

interface Nodes {
  readonly writers: readonly [PostgresStore, PostgresStore]
  readonly reader: PostgresStore
  readonly admin: Driver
  /** Connections for writing transactions. */
  readonly transactions: Driver
  readonly here: Sql
  readonly elsewhere: Sql
  readonly totals: OrderTotals
  /** Appends acknowledged since the last kill. */
  readonly progress: { sinceKill: number }
}

const NAME = 'order'
const TRANSACTIONS = 'order transactions'
/** What is waited for takes milliseconds; this is for machines that were stopped meanwhile. */
const PATIENCE_MS = 60_000

/** Between two kills, or on a slow machine no connection would live long enough to store anything. */
const PROGRESS = 8

const KILLED: Readonly<Record<OrderFault['kill'], string>> = {
  appends: `application_name = '${NAME} append' and state = 'active'`,
  transactions: `application_name = '${TRANSACTIONS}' and state = 'active'`,
  reads: `application_name = '${NAME}'`,
  listeners: `application_name in ('${NAME} listener', '${NAME} hints')`,
}

export async function runSchedules(run: OrderRun): Promise<OrderTotals> {
  const { url, elsewhere, beside } = run
  const open = () =>
    openStore({ url, applicationName: NAME, giveUpAfterMs: PATIENCE_MS, appendConnections: 2 * beside, pollMs: 20 })
  const driver = (applicationName: string) =>
    createPostgresDriver({ url, applicationName, maxConnections: 2 * beside, deadlineMs: PATIENCE_MS })
  const pool = (of: string) => postgres(of, { max: beside, onnotice: () => undefined })
  const writers = [await open(), await open()] as const
  const nodes: Nodes = {
    writers,
    reader: await open(),
    admin: driver('order admin'),
    transactions: driver(TRANSACTIONS),
    here: pool(url),
    elsewhere: pool(elsewhere),
    totals: { schedules: 0, events: 0, kills: 0, aborted: 0, unknown: 0 },
    progress: { sinceKill: 0 },
  }
  try {
    let next = 0
    const runner = async (): Promise<void> => {
      while (next < run.schedules) {
        const seed = run.seed + next++
        try {
          await runSchedule(nodes, drawSchedule(seed), next)
        } catch (error) {
          next = run.schedules
          throw new Error(`Schedule ${seed} failed: ${error instanceof Error ? error.message : String(error)}`, {
            cause: error,
          })
        }
        nodes.totals.schedules++
        run.onDone?.(nodes.totals)
      }
    }
    await Promise.all(Array.from({ length: beside }, runner))
    return nodes.totals
  } finally {
    await Promise.all([...nodes.writers, nodes.reader].map((store) => store.close()))
    await Promise.all([nodes.admin, nodes.transactions].map((sql) => sql.close(1_000)))
    await Promise.all([nodes.here, nodes.elsewhere].map((sql) => sql.end({ timeout: 1 })))
  }
}

/** Everything that belongs to one schedule. */
interface Scene {
  readonly nodes: Nodes
  readonly lane: number
  readonly tenant: string
  readonly shared: readonly [string, string]
  readonly acknowledged: Acknowledged[]
  /** Events that were certainly not stored. */
  readonly absent: Set<string>
}

async function runSchedule(nodes: Nodes, schedule: OrderSchedule, lane: number): Promise<void> {
  const tenant = `order-${schedule.seed}`
  await again(() => nodes.admin.query('select tidemark.tenant_lane($1, $2)', [tenant, lane]))
  const scene: Scene = { nodes, lane, tenant, shared: ['order/a', 'order/b'], acknowledged: [], absent: new Set() }
  const closeBeside = await openBeside(scene, schedule)
  const stop = new AbortController()
  const live = new LaneView('The live reader')
  const whole = new LaneView('A reader of the whole lane')
  const reading = Promise.all([followLive(scene, live, stop.signal), readAgain(scene, whole, stop.signal)])
  // A reader that has thrown must end the schedule, not wait for its writers.
  const broken = reading.then(() => new Promise<never>(() => {}))
  try {
    await Promise.race([
      broken,
      Promise.all([
        ...schedule.writers.map((steps, index) => write(scene, steps, index)),
        ...schedule.transactions.map((transaction) => writeSlowly(scene, transaction)),
        ...schedule.faults.map((fault) => kill(nodes, fault)),
      ]).then(async () => {
        const head = await nodes.reader.head(lane)
        await until(() => live.position >= head && whole.position >= head, `a reader to reach position ${head}`)
      }),
    ])
  } finally {
    stop.abort()
    await closeBeside()
  }
  await reading
  const events = await readWhole(nodes.reader, lane)
  checkLane(events, scene.acknowledged, scene.absent)
  if (live.position !== events.length)
    throw new Error(`The live reader has ${live.position} of ${events.length} events.`)
  nodes.totals.events += events.length
}

/** Transactions that a reader by transaction ids would have to wait for. */
async function openBeside({ nodes, lane }: Scene, { beside }: OrderSchedule): Promise<() => Promise<void>> {
  const ends: (() => Promise<void>)[] = []
  if (beside.includes('writer in another database')) {
    const transaction = await nodes.elsewhere.reserve()
    await transaction.unsafe('begin; select pg_current_xact_id()')
    ends.push(async () => {
      await transaction.unsafe('rollback')
      transaction.release()
    })
  }
  if (beside.includes('dump')) {
    const transaction = await nodes.here.reserve()
    const count = async () =>
      (await transaction.unsafe('select count(*) as n from tidemark.events where lane = $1', [lane]))[0]?.n as string
    await transaction.unsafe('begin isolation level repeatable read read only')
    const before = await count()
    ends.push(async () => {
      const after = await count()
      await transaction.unsafe('rollback')
      transaction.release()
      if (after !== before) throw new Error(`The dump had ${before} events and then ${after}.`)
    })
  }
  return async () => {
    for (const end of ends) await end()
  }
}

async function followLive({ nodes, lane }: Scene, view: LaneView, signal: AbortSignal): Promise<void> {
  for await (const events of nodes.reader.subscribe({ lane, after: 0, batch: 7, signal }))
    view.see(view.position, events)
}

/** The whole lane again and again: nothing may appear below what was there. */
async function readAgain({ nodes, lane }: Scene, view: LaneView, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    view.seeWhole(await readWhole(nodes.reader, lane))
    await wait(3)
  }
}

async function readWhole(store: EventStore, lane: number): Promise<readonly StoredEvent[]> {
  return again(() => store.readLane({ lane, after: 0, limit: 5_000 }))
}

async function write(scene: Scene, steps: readonly OrderStep[], index: number): Promise<void> {
  const own = `order/own-${index}`
  let version: number | undefined = 0
  for (const [at, step] of steps.entries()) {
    if (step.pauseMs > 0) await wait(step.pauseMs)
    const stream = step.to === 'shared' ? (scene.shared[at % 2] as string) : own
    // After an append that nobody knows about the version is anybody's guess.
    const exact = step.to === 'own' ? version : undefined
    const request = newAppend({
      tenant: scene.tenant,
      stream,
      expected: step.to === 'stale' ? 1_000 : (exact ?? 'any'),
      command: step.command === 'none' ? null : newCommand(),
      events: Array.from({ length: step.events }, () => newEvent({ index, at })),
    })
    const stored = await appendOnce(scene, request, (index + at) % 2)
    if (step.to === 'own') version = stored
    if (stored !== undefined && step.command === 'resent') await appendOnce(scene, request, (index + at + 1) % 2)
  }
}

/** The version it led to; `undefined` where it was not stored, or nobody knows. */
async function appendOnce(scene: Scene, request: AppendRequest, node: number): Promise<number | undefined> {
  const store = scene.nodes.writers[node] as PostgresStore
  const { stream, command, expected } = request
  const ids = request.events.map((event) => event.id)
  const answer = await store.append(request)
  const stored = answer.kind === 'duplicate' ? answer.result : answer
  if (stored.kind === 'appended' || stored.kind === 'accepted') {
    if (expected === 1_000) throw new Error(`${stream} took an append at a version it does not have.`)
    const { version, position } = stored
    scene.acknowledged.push({ stream, version, position, command, ids })
    scene.nodes.progress.sinceKill++
    return version
  }
  if (answer.kind === 'conflict' && expected === 1_000) {
    for (const id of ids) scene.absent.add(id)
    return undefined
  }
  if (answer.kind === 'unavailable') {
    scene.nodes.totals.unknown++
    // Under a command id it is asked until there is an answer, as a client would.
    return command === null ? undefined : appendOnce(scene, request, node)
  }
  throw new Error(`An append to ${stream} at ${expected} was answered ${JSON.stringify(answer)}.`)
}

/** A transaction that has written and keeps the lane to itself, then commits, aborts, or is killed. */
async function writeSlowly(
  { nodes, lane, tenant, shared, absent }: Scene,
  { pauseMs, holdMs, ends }: OrderSchedule['transactions'][number],
): Promise<void> {
  if (pauseMs > 0) await wait(pauseMs)
  const { id } = newEvent()
  try {
    await nodes.transactions.script(`
      select tidemark.append_event(${lane}, '${tenant}', '${shared[0]}', null, 'ada', null, null, null, now(), '${id}',
                                   'order.noted', 1, '{}', '{}', null);
      select pg_sleep(${holdMs / 1_000});
      ${ends === 'abort' ? `do $$ begin raise exception 'changed its mind'; end $$` : 'select 1'}`)
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error
    if (error.kind === 'rejected' && error.code !== 'P0001') throw error
    // Killed in time or just too late: who is told nothing knows nothing.
    if (error.kind === 'unknown') return
    nodes.totals.aborted++
    absent.add(id)
  }
}

async function kill(nodes: Nodes, { pauseMs, kill: what }: OrderFault): Promise<void> {
  if (pauseMs > 0) await wait(pauseMs)
  if (nodes.progress.sinceKill < PROGRESS) return
  nodes.progress.sinceKill = 0
  const rows = await again(() =>
    nodes.admin.query<{ done: boolean }>(
      `select pg_terminate_backend(pid) as done from pg_stat_activity where datname = current_database() and ${KILLED[what]}`,
    ),
  )
  nodes.totals.kills += rows.filter((row) => row.done).length
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const giveUpAt = performance.now() + PATIENCE_MS
  while (!condition()) {
    if (performance.now() > giveUpAt) throw new Error(`Waited ${PATIENCE_MS} ms for ${what}.`)
    await wait(2)
  }
}

/** Reads are asked again while what they were asked on is killed. */
async function again<T>(ask: () => Promise<T>): Promise<T> {
  const giveUpAt = performance.now() + PATIENCE_MS
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof DatabaseError) || error.kind === 'rejected' || performance.now() > giveUpAt) throw error
      await wait(5)
    }
  }
}
