import { createHash, randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { PostgresStore } from '@tidemark/store'
import type { Domain } from '@tidemark/core'
import { migrateProjections } from '../migrate-projections.ts'
import { definitionOf } from '../definition.ts'
import { createAdvances, type Advances } from '../advances.ts'
import type { Block } from '../interpret-events.ts'
import type { LeaseState } from '../lease.ts'
import { createRunGuarded } from '../run-guarded.ts'
import { knownLanes } from '../statements/checkpoint.ts'
import { waitForAdvance, type Reached } from '../wait-for-advance.ts'
import { catalogueName, toReadable } from './plan-statements.ts'
import { retryStream, type SqlRetry } from './retry-stream.ts'
import type { RegisteredSql } from './run-sql-batch.ts'
import type { OnSqlAlert } from './sql-alert.ts'
import type { SqlProjection } from './sql-projection.ts'
import { startSqlWorker, type SqlCounts, type SqlWorker } from './sql-worker.ts'
import { readSqlParked, skipSqlParked, type SqlParked } from './statements/parked-events.ts'
import { readSqlLag, readSqlPlace, registerSqlProjection, type SqlLag } from './statements/registry.ts'
import { noteDefinition } from './statements/sql-status.ts'

export interface SqlProjectionsOptions {
  readonly store: Pick<PostgresStore, 'readLane' | 'onWake' | 'sql'>
  readonly domain: Domain
  readonly projections: readonly SqlProjection[]
  /** How often a lane is looked at when no hint comes: nobody but readers on the server waits. Milliseconds, default 1,000. */
  readonly pollMs?: number
  /** Most events in a batch. Default 500. */
  readonly batch?: number
  /** Longest that the app's code may take over a batch; an event on which it does not end is parked. Milliseconds, default 500. */
  readonly applyMs?: number
  /** Brings the engine's schema up to date first. Default true. */
  readonly migrate?: boolean
  /** What a person should know of, as it happens. */
  readonly onAlert?: OnSqlAlert
  /** Failures that are being retried, and those of listeners. Default: dropped, `lag()` still shows them. */
  readonly onError?: (error: unknown) => void
}

/** Where a version's tables stand in a lane. */
export type SqlRead =
  | {
      readonly kind: 'live'
      /** The tables hold at least what the log held here. */
      readonly position: number
      /** Another one under the same position means that the tables were changed: a parked event was made good. */
      readonly revision: number
    }
  /** They are being filled for the first time. `progress`: 0 to 1. */
  | { readonly kind: 'building'; readonly progress: number }

/** How far a SQL projection is behind a lane. */
export interface SqlProjectionLag extends Omit<SqlLag, 'definition'> {
  readonly name: string
  readonly version: number
  /** Whether the code of this process is what fills the tables. Where it is not: raise the version. */
  readonly code: 'same' | 'changed'
  readonly events: number
  /** Absent where this process has no worker for the lane. */
  readonly heartbeatAgeMs?: number
  readonly blocked?: Block
  readonly failure?: string
  readonly lease?: LeaseState
}

export interface SqlProjections {
  /** Starts the workers in this process. Without them this process only reads. */
  start(): void
  /** Finishes the batches in flight; resolves within 2 s. The store stays open. */
  close(): Promise<void>
  /** Where the tables stand now. Ask before reading them: what is read then is at least as new. */
  place(projection: SqlProjection, lane: number): Promise<SqlRead>
  /** Waits until the tables hold what the log held at a position; never longer than asked. */
  waitFor(
    projection: SqlProjection,
    place: { readonly lane: number; readonly position: number },
    timeoutMs: number,
  ): Promise<Reached>
  /** Events that are set aside, in log order, at most `limit` (default 100); `after` continues. */
  parked(
    projection: SqlProjection,
    page?: { readonly after?: { readonly lane: number; readonly position: number }; readonly limit?: number },
  ): Promise<readonly SqlParked[]>
  /**
   * From now on the event does not count for the projection, in any version; then those behind it are tried.
   * `nothing`: it is not parked.
   */
  skipParked(
    projection: SqlProjection,
    event: { readonly tenant: string; readonly lane: number; readonly stream: string; readonly position: number },
    by: { readonly principal: string },
  ): Promise<SqlRetry | { readonly kind: 'nothing' }>
  /** Tries a stream's parked events again, in order; what fails again stays, and all behind it. */
  retryParked(
    projection: SqlProjection,
    stream: { readonly tenant: string; readonly lane: number; readonly stream: string },
  ): Promise<SqlRetry>
  lag(): Promise<readonly SqlProjectionLag[]>
  /** What this process's workers have done, by projection and lane. Asks nobody. */
  counters(): readonly SqlCounters[]
}

export interface SqlCounters extends SqlCounts {
  readonly name: string
  readonly version: number
  readonly lane: number
}

/** Thrown where tables are declared otherwise than they were created under the same version. */
export class TablesChangedError extends Error {
  override readonly name = 'TablesChangedError'
}

interface Member extends RegisteredSql {
  /** Fingerprint of its code. */
  readonly definition: string
  readonly advances: Advances
  readonly workers: Map<number, SqlWorker>
}

const CLOSE_MS = 1_900
const LANES_MS = 2_000

/**
 * Registers SQL projections, creates the tables of versions that are new, and opens the engine on them. Each projection
 * has a checkpoint and a lease of its own in every lane: one that stands still holds nobody else up.
 *
 * @throws TablesChangedError, MigrationError, DatabaseError
 */
export async function openSqlProjections(options: SqlProjectionsOptions): Promise<SqlProjections> {
  const { store, domain, pollMs = 1_000, batch = 500, applyMs = 500, onError = () => {} } = options
  const runGuarded = createRunGuarded(applyMs)
  const sql = store.sql()
  const clock = (): number => performance.now()
  const holder = `${hostname()}/${process.pid}/${randomUUID()}`
  if (options.migrate !== false) await migrateProjections(sql)
  const onAlert: OnSqlAlert = (alert) => {
    // A listener's bug is not the worker's failure.
    try {
      options.onAlert?.(alert)
    } catch (error) {
      onError(error)
    }
  }
  const members: Member[] = []
  for (const projection of options.projections) {
    const id = await register(sql, projection)
    const definition = definitionOf(toReadable(projection))
    const isChanged = (await noteDefinition(sql, { projection: id, definition })) !== definition
    if (isChanged) {
      onAlert({ kind: 'code-changed', projection: catalogueName(projection.name), version: projection.version })
    }
    members.push({ id, projection, definition, advances: createAdvances(onError), workers: new Map() })
  }
  const memberOf = (projection: SqlProjection): Member => {
    const member = members.find((one) => one.projection === projection)
    if (member === undefined) throw new TypeError(`SQL projection "${projection.name}" was not given to the opening.`)
    return member
  }
  let started = false
  let closed = false
  let stopWaking = (): void => {}
  let lanesTimer: NodeJS.Timeout | undefined

  const workLane = (lane: number): void => {
    for (const { workers, advances, ...member } of members) {
      if (workers.has(lane)) continue
      const worker = startSqlWorker({
        domain,
        store,
        sql,
        member,
        runGuarded,
        lane,
        holder,
        pollMs,
        largestBatch: batch,
        advances,
        onAlert,
        onError,
        random: Math.random,
        clock,
      })
      workers.set(lane, worker)
    }
  }

  const findLanes = async (): Promise<void> => {
    try {
      const lanes = await knownLanes(sql)
      if (!closed) lanes.forEach(workLane)
    } catch (error) {
      onError(error)
    }
    if (!closed) lanesTimer = setTimeout(() => void findLanes(), LANES_MS).unref()
  }

  return {
    start: () => {
      if (started || closed) return
      started = true
      stopWaking = store.onWake((lane) => {
        workLane(lane)
        for (const { workers } of members) workers.get(lane)?.wake()
      })
      void findLanes()
    },
    close: async () => {
      closed = true
      stopWaking()
      clearTimeout(lanesTimer)
      const stopped = Promise.all(members.flatMap(({ workers }) => [...workers.values()].map((one) => one.stop())))
      let timer: NodeJS.Timeout | undefined
      const limit = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, CLOSE_MS)
      })
      await Promise.race([stopped, limit])
      clearTimeout(timer)
    },
    place: async (projection, lane) => {
      const place = await readSqlPlace(sql, { projection: memberOf(projection).id, lane })
      if (place === undefined) return { kind: 'building', progress: 0 }
      const { position, goal, revision } = place
      if (place.state === 'live') return { kind: 'live', position, revision }
      return { kind: 'building', progress: goal === 0 ? 0 : Math.min(1, position / goal) }
    },
    waitFor: (projection, place, timeoutMs) => {
      const { id, advances } = memberOf(projection)
      return waitForAdvance({
        ...place,
        timeoutMs,
        pollMs: Math.min(pollMs, FOLLOW_MS),
        advances,
        read: async () => (await readSqlPlace(sql, { projection: id, lane: place.lane }))?.position ?? 0,
      })
    },
    parked: (projection, { after = { lane: -1, position: 0 }, limit = 100 } = {}) =>
      readSqlParked(sql, { projection: memberOf(projection).id, after, limit }),
    skipParked: async (projection, event, { principal }) => {
      const member = memberOf(projection)
      const skipped = await skipSqlParked(sql, { ...event, projection: member.id, principal })
      return skipped > 0 ? retryStream({ domain, store, sql, runGuarded, member }, event) : { kind: 'nothing' }
    },
    retryParked: (projection, stream) =>
      retryStream({ domain, store, sql, runGuarded, member: memberOf(projection) }, stream),
    lag: async () => {
      const all: SqlProjectionLag[] = []
      for (const { id, projection, definition, workers } of members) {
        const { name, version } = projection
        for (const { definition: filling, ...lag } of await readSqlLag(sql, { projection: id })) {
          const health = workers.get(lag.lane)?.health()
          all.push({
            name,
            version,
            ...lag,
            code: filling === definition ? 'same' : 'changed',
            events: Math.max(0, lag.head - lag.position),
            ...(health === undefined
              ? {}
              : { heartbeatAgeMs: Math.max(0, clock() - health.beatAt), lease: health.lease }),
            ...(health?.blocked === undefined ? {} : { blocked: health.blocked }),
            ...(health?.failure === undefined ? {} : { failure: health.failure }),
          })
        }
      }
      return all
    },
    counters: () =>
      members.flatMap(({ projection: { name, version }, workers }) =>
        [...workers].map(([lane, worker]) => ({ name, version, lane, ...worker.health().counts })),
      ),
  }
}

/** How often a wait asks the database, where another process does the work. */
const FOLLOW_MS = 20

async function register(sql: ReturnType<PostgresStore['sql']>, projection: SqlProjection): Promise<number> {
  const { name, version, schema, tables } = projection
  const hash = createHash('sha256').update(JSON.stringify(tables)).digest('hex')
  const registered = await registerSqlProjection(sql, { name: catalogueName(name), version, schema, hash, tables })
  if (registered.hash === hash) return registered.id
  throw new TablesChangedError(
    `The tables of SQL projection "${name}" are declared otherwise than they were created, and its version is still ` +
      `${version}. Raise the version: its tables are then built anew beside the old ones.`,
  )
}
