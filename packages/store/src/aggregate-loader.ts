import {
  evolveState,
  initialState,
  readEvent,
  successorIn,
  type AnyAggregate,
  type Domain,
  type EventStore,
  type ReadFailure,
  type StoredEvent,
  type VersionedState,
} from '@tidemark/core'
import { SNAPSHOT_POLICY, snapshotReason, type SnapshotPolicy } from './snapshot-policy.ts'
import type { SaveAnswer, Snapshot, Snapshots } from './snapshots.ts'

/** Turns the state that one version of an aggregate's declaration folded into what the next one folds. Pure. */
export type StateMigration = (state: never) => unknown

export interface AggregateLoaderOptions {
  readonly store: Pick<EventStore, 'readStreams'>
  readonly domain: Domain
  readonly snapshots: Snapshots
  /** Rules left out keep their defaults. */
  readonly policy?: Partial<SnapshotPolicy>
  /**
   * By aggregate, then by the `version` of its declaration that a step starts from: `{ order: { 1: v1 => v2 } }`.
   * A snapshot to which no unbroken chain of steps applies is ignored, and the state is rebuilt from the events.
   */
  readonly migrations?: Readonly<Record<string, Readonly<Record<number, StateMigration>>>>
  /** Events read at once. Default 5,000: bounds the memory of a load of any length. */
  readonly pageEvents?: number
  /** Milliseconds since 1970. Default `Date.now`. */
  readonly now?: () => number
  /** Told when a snapshot in the background could not be read or stored. Loads go on without. */
  readonly onProblem?: (problem: SnapshotProblem) => void
}

export interface SnapshotProblem {
  readonly tenant: string
  readonly stream: string
  readonly cause: unknown
}

export type LoadAnswer =
  | ({
      readonly kind: 'loaded'
      readonly aggregate: AnyAggregate
      /** The stream that was asked for, or where that was split, the one it goes on as. */
      readonly stream: string
      /** What the stream goes on as, where it is closed. */
      readonly successor: string | undefined
      /** Id of the event at this version, `''` at version 0. */
      readonly eventId: string
      /** Events that were folded beyond the snapshot. */
      readonly folded: number
      /** Version that the snapshot brought, 0 where none was used. */
      readonly snapshotVersion: number
    } & VersionedState)
  /** This code cannot read the event at `version`: it is too old, or an upcaster or `evolve` is broken. */
  | {
      readonly kind: 'unreadable'
      readonly version: number
      readonly failure:
        | ReadFailure
        | { readonly kind: 'evolve-failed'; readonly type: string; readonly message: string }
    }
  /** The domain has no aggregate for such a stream. */
  | { readonly kind: 'unknown-aggregate' }

export interface AggregateLoader {
  /**
   * The stream's state: its snapshot, where one can be used, and every event after it. Never only the snapshot. Of a
   * stream that was split, the state of the open one at the end of the links.
   */
  load(tenant: string, stream: string): Promise<LoadAnswer>
  /** The same of this very stream, closed or not. */
  loadExactly(tenant: string, stream: string): Promise<LoadAnswer>
  /** Loads this very stream, closed or not, and stores a snapshot of it whatever the policy says. */
  snapshot(tenant: string, stream: string): Promise<LoadAnswer | SnapshotTaken>
  /** Resolves when the snapshots that loads have started are stored or given up. */
  settled(): Promise<void>
}

export interface SnapshotTaken {
  readonly kind: 'taken'
  readonly version: number
  readonly answer: SaveAnswer
}

const PAGE_EVENTS = 5_000
/** Streams whose loads are counted; the longest unused leave first. */
const MAX_COUNTED = 10_000
/** Snapshots written at once; a load that would be one more leaves its snapshot to the next load. */
const MAX_SAVES = 8
const MAX_LINKS = 10_000

type Loaded = Extract<LoadAnswer, { kind: 'loaded' }>

interface Baseline {
  readonly current: VersionedState
  readonly eventId: string
  readonly snapshot: Snapshot | undefined
  readonly migrated: boolean
}

/**
 * Loads aggregates by snapshot and tail. The snapshot is only a baseline: the event it ends with is read again, and
 * where the log holds another one there (a restored log) the snapshot is thrown away.
 */
export function createAggregateLoader(options: AggregateLoaderOptions): AggregateLoader {
  const { store, domain, snapshots } = options
  const policy = { ...SNAPSHOT_POLICY, ...options.policy }
  const now = options.now ?? Date.now
  const pageEvents = options.pageEvents ?? PAGE_EVENTS
  const loadsByStream = new Map<string, number>()
  const saves = new Map<string, Promise<void>>()
  const report = (tenant: string, stream: string, cause: unknown): void =>
    options.onProblem?.({ tenant, stream, cause })

  const countLoad = (key: string): number => {
    const loads = (loadsByStream.get(key) ?? 0) + 1
    loadsByStream.delete(key)
    loadsByStream.set(key, loads)
    if (loadsByStream.size > MAX_COUNTED) {
      for (const oldest of loadsByStream.keys()) {
        loadsByStream.delete(oldest)
        break
      }
    }
    return loads
  }

  const baselineOf = async (aggregate: AnyAggregate, tenant: string, stream: string): Promise<Baseline> => {
    const none: Baseline = { current: initialState(aggregate), eventId: '', snapshot: undefined, migrated: false }
    let snapshot: Snapshot | undefined
    try {
      snapshot = await snapshots.read(tenant, stream)
    } catch (cause) {
      report(tenant, stream, cause)
      return none
    }
    if (snapshot === undefined) return none
    const { version, eventId, schema } = snapshot
    if (schema === aggregate.version) {
      return { current: { version, state: snapshot.state }, eventId, snapshot, migrated: false }
    }
    try {
      const migrated = migrateState(aggregate, snapshot, options.migrations?.[aggregate.name])
      return migrated === undefined
        ? none
        : { current: { version, state: migrated.state }, eventId, snapshot, migrated: true }
    } catch (cause) {
      report(tenant, stream, cause)
      return none
    }
  }

  const fold = async (aggregate: AnyAggregate, tenant: string, stream: string, from: Baseline): Promise<LoadAnswer> => {
    let { current, eventId } = from
    let successor: string | undefined
    let after = Math.max(0, current.version - 1)
    for (;;) {
      const [events = []] = await store.readStreams([{ tenant, stream, after, limit: pageEvents }])
      if (after < current.version && events[0]?.id !== from.eventId) {
        if (from.snapshot !== undefined) {
          await snapshots.discard(from.snapshot).catch((cause: unknown) => report(tenant, stream, cause))
        }
        const start: Baseline = { current: initialState(aggregate), eventId: '', snapshot: undefined, migrated: false }
        return fold(aggregate, tenant, stream, start)
      }
      for (const stored of events) {
        successor = successorIn(stored)
        if (stored.version <= current.version) continue
        const next = foldOne(domain, aggregate, current, stored)
        if (next.kind === 'unreadable') return next
        current = next.current
        eventId = stored.id
      }
      if (events.length < pageEvents) break
      after = current.version
    }
    const snapshotVersion = from.snapshot === undefined ? 0 : from.current.version
    const folded = current.version - from.current.version
    return { kind: 'loaded', aggregate, stream, successor, ...current, eventId, folded, snapshotVersion }
  }

  const save = (tenant: string, loaded: Loaded): Promise<SaveAnswer> => {
    const { version, eventId, state, aggregate, stream } = loaded
    loadsByStream.delete(`${tenant}\n${stream}`)
    return snapshots.save({ tenant, stream, version, eventId, schema: aggregate.version, state })
  }

  const load = async (tenant: string, stream: string): Promise<{ answer: LoadAnswer; from: Baseline | undefined }> => {
    const aggregate = domain.aggregateOf(stream)
    if (aggregate === undefined) return { answer: { kind: 'unknown-aggregate' }, from: undefined }
    const from = await baselineOf(aggregate, tenant, stream)
    return { answer: await fold(aggregate, tenant, stream, from), from }
  }

  /** Stores a snapshot in the background where the policy says so. */
  const considerSnapshot = (tenant: string, loaded: Loaded, from: Baseline): void => {
    const { stream } = loaded
    const key = `${tenant}\n${stream}`
    const used = loaded.snapshotVersion > 0 ? from.snapshot : undefined
    const reason = snapshotReason(policy, {
      folded: loaded.folded,
      loads: countLoad(key),
      snapshotAgeMs: used === undefined ? undefined : now() - Date.parse(used.takenAt),
      migrated: used !== undefined && from.migrated,
    })
    if (reason === undefined || saves.size >= MAX_SAVES || saves.has(key)) return
    const saving = save(tenant, loaded)
      .then((saved) => {
        if (saved.kind === 'not-storable') report(tenant, stream, saved.issue)
      })
      .catch((cause: unknown) => report(tenant, stream, cause))
      .finally(() => saves.delete(key))
    saves.set(key, saving)
  }

  return {
    async load(tenant, asked) {
      let { answer, from } = await load(tenant, asked)
      for (let links = 0; answer.kind === 'loaded' && answer.successor !== undefined; links++) {
        if (links === MAX_LINKS)
          throw new Error(`${asked} was split ${MAX_LINKS} times over: its links may be a circle.`)
        const next = await load(tenant, answer.successor)
        answer = next.answer
        from = next.from
      }
      if (answer.kind === 'loaded' && from !== undefined) considerSnapshot(tenant, answer, from)
      return answer
    },
    async loadExactly(tenant, stream) {
      const { answer, from } = await load(tenant, stream)
      if (answer.kind === 'loaded' && from !== undefined) considerSnapshot(tenant, answer, from)
      return answer
    },
    async snapshot(tenant, stream) {
      const { answer } = await load(tenant, stream)
      if (answer.kind !== 'loaded' || answer.version === 0) return answer
      return { kind: 'taken', version: answer.version, answer: await save(tenant, answer) }
    },
    async settled() {
      while (saves.size > 0) await Promise.all(saves.values())
    },
  }
}

/** `undefined` where no unbroken chain leads from the snapshot's declaration to this one, a newer one included. */
function migrateState(
  aggregate: AnyAggregate,
  snapshot: Snapshot,
  steps: Readonly<Record<number, StateMigration>> | undefined,
): { readonly state: unknown } | undefined {
  if (snapshot.schema > aggregate.version) return undefined
  let state: unknown = snapshot.state
  for (let from = snapshot.schema; from < aggregate.version; from++) {
    const step = steps?.[from] as ((state: unknown) => unknown) | undefined
    if (step === undefined) return undefined
    state = step(state)
  }
  return { state }
}

function foldOne(
  domain: Domain,
  aggregate: AnyAggregate,
  current: VersionedState,
  stored: StoredEvent,
): { readonly kind: 'folded'; readonly current: VersionedState } | Extract<LoadAnswer, { kind: 'unreadable' }> {
  const { version, type } = stored
  if (version !== current.version + 1)
    throw new Error(`Stream ${stored.stream} has no event at ${current.version + 1}.`)
  const read = readEvent(domain, stored)
  if (read.kind !== 'event') return { kind: 'unreadable', version, failure: read }
  try {
    return { kind: 'folded', current: evolveState(aggregate, current, read.event) }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return { kind: 'unreadable', version, failure: { kind: 'evolve-failed', type, message } }
  }
}
