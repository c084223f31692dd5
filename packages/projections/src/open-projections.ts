import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { PostgresStore } from '@tidemark/store'
import type { AnyProjection, Domain } from '@tidemark/core'
import { migrateProjections } from './migrate-projections.ts'
import { startSnapshotKeeper, type SnapshotKeeper } from './snapshot-keeper.ts'
import { checkSchedule, type SnapshotSchedule } from './snapshot-due.ts'
import { createAdvances } from './advances.ts'
import type { OnAlert } from './alert.ts'
import { startBuilder, type Builder } from './builder.ts'
import type { LaneCounters } from './counters.ts'
import { startLaneWorker, type LaneHealth, type LaneWorker } from './lane-worker.ts'
import type { PageRead, PageSnapshot, ProjectionVersion } from './page.ts'
import type { RegisteredProjection } from './registered-projection.ts'
import { createParkedTools, type ParkedTools } from './parked-tools.ts'
import { RETENTION, startRetention, type Retention, type RetentionLoop } from './retention.ts'
import { createLoadShedder } from './load-shedder.ts'
import { createRunGuarded } from './run-guarded.ts'
import type { LagLimits } from './shed-load.ts'
import { knownLanes, readCheckpoint, readLag, SYNCED } from './statements/checkpoint.ts'
import { createRebuildTools, type RebuildTools } from './rebuild-tools.ts'
import { readPage } from './statements/read-page.ts'
import { readRows, type ReadRow, type RowsRead } from './statements/read-rows.ts'
import { liveVersions, registerProjection } from './statements/registry.ts'
import { waitForAdvance, type Reached } from './wait-for-advance.ts'

export interface ProjectionsOptions {
  readonly store: Pick<PostgresStore, 'append' | 'readLane' | 'onWake' | 'sql' | 'tenantSql'>
  readonly domain: Domain
  /** How often a lane is looked at when no hint comes. Milliseconds, default 250. */
  readonly pollMs?: number
  /** Most events in a batch. Default 1,000. */
  readonly batch?: number
  /**
   * Milliseconds that the code of the domain may take for a batch. What takes longer is broken off, and the event that it
   * is about set aside. Default 500; more than 1,000 would cost this process its leases.
   */
  readonly foldMs?: number
  /**
   * What to do when a projection fails on four of five of the last 100 events: `stop` the lane before them until code runs
   * that can fold them (default), or `park` them all and go on.
   */
  readonly onMassFailure?: 'stop' | 'park'
  /**
   * Whether versions that this code does not have are retired where it starts to work. Default true; `false` for a process
   * that only helps, beside those of the app.
   */
  readonly retires?: boolean
  /** When snapshots are taken of the rows, for rebuilds to begin from. Default: none is. */
  readonly snapshots?: SnapshotSchedule
  /** How far rows may be behind before {@link Projections.retryAfterMs} sends commands away. Default 100,000 events, 30 s. */
  readonly lagLimits?: Partial<LagLimits>
  /** How long removals, and the rows of replaced versions, are kept. */
  readonly retention?: Partial<Retention>
  /** What a person should know of, as it happens. */
  readonly onAlert?: OnAlert
  /** Brings the schema up to date first. Default true. */
  readonly migrate?: boolean
  /** Failures that are being retried, and those of listeners. Default: dropped, `lag()` still shows them. */
  readonly onError?: (error: unknown) => void
}

/** How far the synced projections of a lane are behind its log. */
export interface LaneLag {
  readonly lane: number
  readonly checkpoint: number
  /** Highest position of the log, read in the same snapshot. */
  readonly head: number
  readonly events: number
  /** Age of the oldest event that is not folded yet, by the database's clock; 0 when there is none. */
  readonly seconds: number
  /** Milliseconds since the lane's loop in this process came round; since the opening, where there is no loop. */
  readonly heartbeatAgeMs: number
  /** Why the lane, or a build in it, stands still although everything works. Newer code is what helps. */
  readonly blocked?: NonNullable<LaneHealth['blocked']>
  /** The failure that is being retried. */
  readonly failure?: string
  /**
   * What this process is in the lane: at work (`held`), standing by for the one that is (`denied`), or neither (`none`).
   * Absent where it has no worker.
   */
  readonly lease?: LaneHealth['lease']
  /** Events set aside, those behind others included. */
  readonly parked: number
}

export interface Projections {
  /** Starts the worker in this process. Without it this process only reads. */
  start(): void
  /** Finishes the batch in flight; resolves within 2 s. The store stays open. */
  close(): Promise<void>
  /** One page of the feed, in one snapshot. Throws DatabaseError. */
  readPage(read: PageRead): Promise<PageSnapshot>
  /** The projection versions that pages of the lane are made of now, of this release and of others. */
  liveVersions(lane: number): Promise<readonly ProjectionVersion[]>
  /** Rows for the server's own use. `not-live` where the version is still being built, or unknown. */
  readRows(read: Omit<RowsRead, 'version'>): Promise<{ kind: 'rows'; rows: readonly ReadRow[] } | { kind: 'not-live' }>
  /** Tells of every checkpoint that this process's worker reaches or sees. Returns the unsubscribe. */
  onAdvance(listener: (lane: number, position: number) => void): () => void
  /** Waits until the synced projections hold what the log held at a position; never longer than asked. */
  waitFor(place: { readonly lane: number; readonly position: number }, timeoutMs: number): Promise<Reached>
  lag(): Promise<readonly LaneLag[]>
  /**
   * Milliseconds after which commands for the lane should come back: its rows are too far behind, and moving. `undefined`
   * where they are welcome. Answers at once; whoever asks has the lag looked at once a second.
   */
  retryAfterMs(lane: number): number | undefined
  /** What this process's workers have done, by lane. Asks nobody. */
  counters(): readonly LaneCounters[]
  /** What people do about events that were set aside. */
  readonly parked: ParkedTools
  /** What people do about rows as a whole: build them anew, verify, go back. */
  readonly rebuilds: RebuildTools
}

const CLOSE_MS = 1_900
/** How often new lanes are looked for; hints tell of them sooner. */
const LANES_MS = 2_000

/**
 * Registers the domain's projection versions in the database and opens the engine on them.
 *
 * @throws MigrationError, DatabaseError; RangeError where the schedule of snapshots makes no sense
 */
export async function openProjections(options: ProjectionsOptions): Promise<Projections> {
  const { store, domain, pollMs = 250, batch = 1_000, onError = () => {}, snapshots } = options
  if (snapshots !== undefined) checkSchedule(snapshots)
  const sql = store.sql()
  const clock = (): number => performance.now()
  const openedAt = clock()
  const holder = `${hostname()}/${process.pid}/${randomUUID()}`
  if (options.migrate !== false) await migrateProjections(sql)
  const own = await register(sql, domain.projections)
  const advances = createAdvances(onError)
  const workers = new Map<number, LaneWorker>()
  const runGuarded = createRunGuarded(options.foldMs ?? 500)
  const onAlert: OnAlert = (alert) => {
    // A listener's bug is not the worker's failure.
    try {
      options.onAlert?.(alert)
    } catch (error) {
      onError(error)
    }
  }
  let builder: Builder | undefined
  let keeper: SnapshotKeeper | undefined
  let purging: RetentionLoop | undefined
  let started = false
  let closed = false
  let stopWaking = (): void => {}
  let lanesTimer: NodeJS.Timeout | undefined

  const workLane = (lane: number): LaneWorker => {
    const running = workers.get(lane)
    if (running !== undefined) return running
    const worker = startLaneWorker({
      domain,
      store,
      sql,
      lane,
      own,
      holder,
      pollMs,
      largestBatch: batch,
      advances,
      runGuarded,
      onMassFailure: options.onMassFailure ?? 'stop',
      onAlert,
      retires: options.retires ?? true,
      onEnter: () => builder?.wake(),
      onError,
      random: Math.random,
      clock,
    })
    workers.set(lane, worker)
    return worker
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

  const shedder = createLoadShedder({
    limits: { events: 100_000, seconds: 30, ...options.lagLimits },
    lag: () => readLag(sql).then((lanes) => lanes.map((lane) => ({ ...lane, events: lane.head - lane.checkpoint }))),
    onAlert,
    onError,
    clock,
  })

  const waitFor: Projections['waitFor'] = (place, timeoutMs) =>
    waitForAdvance({
      ...place,
      timeoutMs,
      pollMs,
      advances,
      read: async () => (await readCheckpoint(sql, { consumer: SYNCED, lane: place.lane }))?.position ?? 0,
    })

  return {
    parked: createParkedTools({ store, sql, waitFor }),
    rebuilds: createRebuildTools({ sql, own, wake: () => builder?.wake() }),
    start: () => {
      if (started || closed) return
      started = true
      builder = startBuilder({
        domain,
        store,
        sql,
        own,
        holder,
        pollMs,
        largestBatch: batch,
        runGuarded,
        onSwitch: (lane) => workers.get(lane)?.enterAgain(),
        onError,
        random: Math.random,
        clock,
      })
      if (snapshots !== undefined) {
        keeper = startSnapshotKeeper({ sql, own, schedule: snapshots, holder, pollMs, onError, clock })
      }
      purging = startRetention({
        sql,
        retention: { ...RETENTION, ...options.retention },
        lanes: () => [...workers].flatMap(([lane, one]) => (one.health().lease.kind === 'held' ? [lane] : [])),
        onError,
      })
      stopWaking = store.onWake((lane) => workLane(lane).wake())
      void findLanes()
    },
    close: async () => {
      closed = true
      stopWaking()
      clearTimeout(lanesTimer)
      const stopped = Promise.all([
        builder?.stop(),
        keeper?.stop(),
        purging?.stop(),
        ...[...workers.values()].map((worker) => worker.stop()),
      ])
      let timer: NodeJS.Timeout | undefined
      const limit = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, CLOSE_MS)
      })
      await Promise.race([stopped, limit])
      clearTimeout(timer)
    },
    readPage: (read) => readPage(store.tenantSql(), read),
    liveVersions: (lane) => liveVersions(sql, { lane }),
    readRows: async (read) => {
      const version = domain.projectionsByName.get(read.projection)?.version
      const rows = version === undefined ? undefined : await readRows(store.tenantSql(), { ...read, version })
      return rows === undefined ? { kind: 'not-live' } : { kind: 'rows', rows }
    },
    onAdvance: (listener) => advances.listen(listener),
    waitFor,
    retryAfterMs: (lane) => shedder.retryAfterMs(lane),
    counters: () => [...workers.values()].map((worker) => ({ ...worker.health().counters })),
    lag: async () => {
      const lanes = await readLag(sql)
      return lanes.map(({ lane, checkpoint, head, seconds, parked }) => {
        const health = workers.get(lane)?.health()
        const blocked = health?.blocked ?? builder?.blockOf(lane)
        return {
          lane,
          checkpoint,
          head,
          events: Math.max(0, head - checkpoint),
          seconds,
          heartbeatAgeMs: Math.max(0, clock() - (health?.beatAt ?? openedAt)),
          ...(blocked === undefined ? {} : { blocked }),
          ...(health === undefined ? {} : { lease: health.lease }),
          ...(health?.failure === undefined ? {} : { failure: health.failure }),
          parked,
        }
      })
    },
  }
}

async function register(
  sql: ReturnType<PostgresStore['sql']>,
  projections: readonly AnyProjection[],
): Promise<readonly RegisteredProjection[]> {
  const registered: RegisteredProjection[] = []
  // One after another: each may create a partition, under one lock.
  for (const projection of projections) {
    const id = await registerProjection(sql, projection)
    registered.push({ id, projection })
  }
  return registered
}
