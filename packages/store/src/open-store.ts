import {
  encodeAppend,
  encodeAtomic,
  encodeMerged,
  encodeSettle,
  encodeSplit,
  isLogName,
  type AppendAnswer,
  type EventStore,
} from '@tidemark/core'
import type { ArchiveStorage } from './archive-storage.ts'
import { createArchivedFiles } from './archived-files.ts'
import { createArchivedReads } from './archived-reads.ts'
import type { Driver } from './driver.ts'
import { createAtomicWriter, toCheckAnswer } from './atomic-writer.ts'
import { isTransient } from './errors.ts'
import { createEpochWatch, type EpochStart } from './epoch-watch.ts'
import { createHints, type Hints } from './hints.ts'
import { LANE_QUEUE_LIMITS, type LaneQueueLimits } from './lane-queue.ts'
import { LaneWriter } from './lane-writer.ts'
import { createMergedWriter } from './merged-writer.ts'
import { openPools } from './open-pools.ts'
import { readStreamPage } from './read-stream-page.ts'
import { createResultsReader } from './results-reader.ts'
import type { LaneCalls } from './serial-writer.ts'
import { createSplitWriter } from './split-writer.ts'
import { commandResults } from './statements/command-results.ts'
import { laneHead } from './statements/lane-head.ts'
import { currentEpoch } from './statements/current-epoch.ts'
import { readLane } from './statements/read-lane.ts'
import { readStreamTypes } from './statements/read-stream-types.ts'
import { readStreams } from './statements/read-streams.ts'
import { streamHead } from './statements/stream-head.ts'
import { tenantLane } from './statements/tenant-lane.ts'
import { subscribeLane, subscribeToTypes, type SubscribeSource } from './subscribe.ts'
import { createWakes } from './wakes.ts'

export interface StoreOptions {
  /** `postgres://user:password@host:port/database`; Postgres 15 or newer, UTF-8, not a standby. */
  readonly url: string
  /** Brings the schema up to date first. Default true. */
  readonly migrate?: boolean
  /** Shown in `pg_stat_activity`. Default `tidemark`. */
  readonly applicationName?: string
  /** Connections for reads and for the SQL of sibling packages; twice as many where it works as granted roles. Default 8. */
  readonly connections?: number
  /** Connections for appends; two per busy lane are used at most. Default 4. */
  readonly appendConnections?: number
  /** Deadline of a read or sibling's call. Default 15,000. */
  readonly deadlineMs?: number
  /** Deadline of one append call. Default 5,000; the database itself ends it a second earlier. */
  readonly appendDeadlineMs?: number
  /** How long an append is repeated while the database cannot be asked, before `unavailable`. Default 10,000. */
  readonly giveUpAfterMs?: number
  /** Lane of a tenant seen for the first time. Default 0. */
  readonly defaultLane?: number
  /** Bounds of each lane's queue. */
  readonly queue?: Partial<LaneQueueLimits>
  /** NOTIFY and LISTEN between processes. Default true; off, readers of other processes' events rely on polling. */
  readonly hints?: boolean
  /** Holds what `archiveStreams` moved out of the table. Reads that need it throw ArchiveError where it is left out. */
  readonly archive?: ArchiveStorage
  /**
   * Called when the log is found to be another one than before: put back from a backup, promoted, or declared so by an
   * operator. At the opening, or within two seconds. Worth a line in the log: every device fetches its lists anew.
   */
  readonly onNewEpoch?: (start: EpochStart) => void
  /** How often a subscription looks for itself when no hint comes. Default 250. */
  readonly pollMs?: number
}

export type Readiness = 'ready' | { readonly kind: 'not-ready'; readonly reason: string }

export interface PostgresStore extends EventStore {
  /** For the SQL of sibling packages that concerns all tenants; shares the pool of the store's reads. */
  sql(): Driver
  /**
   * For statements that read one tenant, which they name by {@link oneTenant}. Where the store works as granted roles they
   * see nothing of another tenant, whatever they ask for; else it is `sql()`.
   */
  tenantSql(): Driver
  /** Whether the database answers, for reads and for appends, within a second. */
  ready(): Promise<Readiness>
  /** Ends everything within 2 s. Appends that wait or are cut off are answered `unavailable`. */
  close(): Promise<void>
}

/** Tenants whose lane is remembered; beyond that the oldest entries are asked for again. */
const MAX_CACHED_TENANTS = 50_000
const READ_ATTEMPTS = 4

/**
 * Opens the event store.
 *
 * @throws StoreOpenError when the server cannot be used, MigrationError when its schema cannot be brought up to date.
 */
export async function openStore(options: StoreOptions): Promise<PostgresStore> {
  const { url, applicationName = 'tidemark', defaultLane = 0 } = options
  const wakes = createWakes()
  const epochs = createEpochWatch({
    read: () => withRetry(() => currentEpoch(reader)),
    onStart: (start) => options.onNewEpoch?.(start),
    clock: () => performance.now(),
  })

  const { reader, tenantReader, appender, all } = await openPools({
    url,
    applicationName,
    migrate: options.migrate ?? true,
    connections: options.connections ?? 8,
    appendConnections: options.appendConnections ?? 4,
    deadlineMs: options.deadlineMs ?? 15_000,
    appendDeadlineMs: options.appendDeadlineMs ?? 5_000,
    onLost: epochs.forget,
  })
  if (options.migrate !== false) {
    // A log that was put back is noticed, and told, before anybody is served from it.
    try {
      await epochs.current()
    } catch (error) {
      await Promise.all(all.map((pool) => pool.close(500)))
      throw error
    }
  }
  const hints: Hints | undefined =
    options.hints === false
      ? undefined
      : createHints({ url, applicationName, onHint: wakes.wake, onListening: wakes.wakeAll })

  const limits: LaneQueueLimits = { ...LANE_QUEUE_LIMITS, ...options.queue }
  const onWritten = (written: number): void => {
    wakes.wake(written)
    hints?.announce(written)
  }
  const giveUpAfterMs = options.giveUpAfterMs ?? 10_000
  const stopped = new AbortController()
  const writers: { close(): Promise<void> }[] = []
  /** One writer of a kind per lane, made when it is first needed. */
  const perLane = <Writer extends { close(): Promise<void> }>(create: (calls: LaneCalls) => Writer) => {
    const writersByLane = new Map<number, Writer>()
    return (lane: number): Writer => {
      let writer = writersByLane.get(lane)
      if (writer === undefined) {
        writer = create({ lane, sql: appender, giveUpAfterMs, onWritten, stopped: stopped.signal })
        writersByLane.set(lane, writer)
        writers.push(writer)
      }
      return writer
    }
  }
  const writerOf = perLane((calls) => new LaneWriter({ ...calls, limits }))
  const mergedWriterOf = perLane(createMergedWriter)
  const atomicWriterOf = perLane(createAtomicWriter)
  const splitWriterOf = perLane(createSplitWriter)

  const resultsOf = createResultsReader((asked) => commandResults(tenantReader, { asked }))
  const laneByTenant = new Map<string, number>()
  const laneOf = async (tenant: string): Promise<number> => {
    const cached = laneByTenant.get(tenant)
    if (cached !== undefined) return cached
    if (!isLogName(tenant))
      throw new RangeError('A tenant is a text of 1 to 250 characters without control characters.')
    const lane = await withRetry(() => tenantLane(reader, { tenant, defaultLane }))
    if (laneByTenant.size >= MAX_CACHED_TENANTS) {
      for (const oldest of laneByTenant.keys()) {
        laneByTenant.delete(oldest)
        break
      }
    }
    laneByTenant.set(tenant, lane)
    wakes.know(lane)
    return lane
  }

  /** What `use` makes of the tenant's lane, or why that cannot be known. No turn is lost for a tenant seen before. */
  const withLane = <T>(
    tenant: string,
    use: (lane: number) => Promise<T>,
  ): Promise<T | Extract<AppendAnswer, { kind: 'unavailable' }>> => {
    const lane = laneByTenant.get(tenant)
    if (lane !== undefined) return use(lane)
    return laneOf(tenant).then(use, (error: unknown) => {
      if (!isTransient(error)) throw error
      return { kind: 'unavailable', retryAfterMs: 1_000, cause: `${error.code}: ${error.message}` }
    })
  }

  const archivedReads = createArchivedReads({
    sql: reader,
    files: createArchivedFiles(options.archive),
    readStreams: (reads) => readStreams(tenantReader, { reads }),
    readLane: (read) => readLane(reader, read),
    readStreamTypes: (read) => readStreamTypes(tenantReader, read),
  })
  const source: SubscribeSource = {
    readLane: archivedReads.readLane,
    head: (lane) => laneHead(reader, { lane }),
    wakes,
    pollMs: options.pollMs ?? 250,
    stopped: stopped.signal,
  }

  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    stopped.abort()
    // Calls in flight get a second to end by themselves; then their connections go.
    await atMost(1_000, Promise.all(writers.map((writer) => writer.close())))
    await atMost(900, Promise.all([...all.map((pool) => pool.close(600)), hints?.close()]))
  }

  return {
    append(request) {
      const encoding = encodeAppend(request, { mayBeEmpty: true })
      if (!encoding.ok) return Promise.resolve({ kind: 'invalid', issues: encoding.issues })
      const { encoded } = encoding
      if (encoded.ids.length > 0) return withLane(request.tenant, (lane) => writerOf(lane).append(encoded))
      // A check is rare, and must not make those it would share a call with pay for it.
      const check = { ...encoded, parts: [encoded] }
      return withLane(request.tenant, async (lane) => toCheckAnswer(await atomicWriterOf(lane).append(check)))
    },
    appendMerged(request) {
      const encoding = encodeMerged(request)
      if (!encoding.ok) return Promise.resolve({ kind: 'invalid', issues: encoding.issues })
      return withLane(request.tenant, (lane) => mergedWriterOf(lane).append(encoding.encoded))
    },
    appendAtomically(request) {
      const encoding = encodeAtomic(request)
      if (!encoding.ok) return Promise.resolve({ kind: 'invalid', issues: encoding.issues })
      return withLane(request.tenant, (lane) => atomicWriterOf(lane).append(encoding.encoded))
    },
    settle(request) {
      const encoding = encodeSettle(request)
      if (!encoding.ok) return Promise.resolve({ kind: 'invalid', issues: encoding.issues })
      return withLane(request.tenant, (lane) => writerOf(lane).settle(encoding.encoded))
    },
    splitStream(request) {
      const encoding = encodeSplit(request)
      if (!encoding.ok) return Promise.resolve({ kind: 'invalid', issues: encoding.issues })
      return withLane(request.tenant, (lane) => splitWriterOf(lane).append(encoding.encoded))
    },
    results: (tenant, principal, commands) => withRetry(() => resultsOf(tenant, principal, commands)),
    readStreams: (reads) => withRetry(() => archivedReads.readStreams(reads)),
    readStreamPage: (read) =>
      withRetry(() => readStreamPage({ ...archivedReads, head: (of) => streamHead(tenantReader, of) }, read)),
    readLane: (read) => withRetry(() => archivedReads.readLane(read)),
    subscribe(subscription) {
      wakes.know(subscription.lane)
      return subscribeLane(source, subscription)
    },
    subscribeToTypes(subscription) {
      wakes.know(subscription.lane)
      return subscribeToTypes(source, subscription)
    },
    head: (lane) => withRetry(() => laneHead(reader, { lane })),
    laneOf,
    epoch: epochs.current,
    onWake: (listener) => wakes.listen(listener),
    sql: () => reader,
    tenantSql: () => tenantReader,
    async ready() {
      if (closing !== undefined) return { kind: 'not-ready', reason: 'The store is closed.' }
      try {
        await Promise.all(all.map((pool) => pool.query('select 1', [], { deadlineMs: 1_000 })))
        return 'ready'
      } catch (error) {
        return { kind: 'not-ready', reason: error instanceof Error ? error.message : String(error) }
      }
    },
    close() {
      closing ??= close()
      return closing
    },
  }
}

/** Waits for the promise, but no longer than so many milliseconds. */
async function atMost(ms: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([promise, limit])
  clearTimeout(timer)
}

/** Reads change nothing, so they are simply asked again while a connection is replaced. */
async function withRetry<T>(read: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await read()
    } catch (error) {
      if (!isTransient(error) || error.code === 'DEADLINE' || error.code === 'CLOSED' || attempt === READ_ATTEMPTS) {
        throw error
      }
      await new Promise((resolve) => setTimeout(resolve, 50 * 2 ** attempt))
    }
  }
}
