import type { Driver, PostgresStore } from '@tidemark/store'
import { definitionOf } from './definition.ts'
import { createFoldPace } from './fold-pace.ts'
import type { RegisteredProjection } from './registered-projection.ts'
import { KEEP } from './snapshot-due.ts'
import { readSnapshots, type ProjectionSnapshot } from './statements/projection-snapshots.ts'
import { takeSnapshot, type SnapshotTaken } from './take-snapshot.ts'
import {
  endBuild,
  readBuilds,
  requestBuild,
  requestRollback,
  setBuildState,
  type BuildState,
  type KeyDifference,
} from './statements/builds.ts'
import {
  pauseLane,
  readLiveVersions,
  readProgress,
  resumeLane,
  type BuildProgress,
  type BuildResult,
  type LiveVersion,
} from './statements/version-status.ts'

/** Which rows: of a projection, in one lane or in all. */
export interface RebuildTarget {
  readonly projection: string
  readonly lane?: number
}

export interface RebuildSettings {
  /** Who asks. Kept with the build. */
  readonly principal: string
  /** Key ranges that processes fold side by side, 1 to 64. Default 1: more pay where several processes work. */
  readonly parts?: number
  /** Most of its time that a process spends on it, of 1. Default 1; it takes less by itself where the database is busy. */
  readonly share?: number
  /** Goes live although it has parked more keys than the live rows have. Default false: it is held then. */
  readonly acceptParked?: boolean
  /**
   * Folds all events, whatever snapshot there is to begin from. Default false; for `verify` true: a snapshot may hold what is
   * wrong with the live rows.
   */
  readonly fromStart?: boolean
}

export type RebuildAnswer =
  | { readonly kind: 'requested'; readonly builds: readonly BuildProgress[] }
  /** Nothing of that name is live in those lanes. */
  | { readonly kind: 'unknown' }
  /** A build of it is under way; nothing was done. */
  | { readonly kind: 'exists'; readonly builds: readonly BuildProgress[] }
  /** There is no version before to go back to. */
  | { readonly kind: 'nothing' }

/** A live version in a lane. */
export interface VersionStatus extends Omit<LiveVersion, 'definition' | 'build' | 'id'> {
  /**
   * Whether this process's code is what the rows were folded with: `changed` asks for a rebuild or a `verify`; `unknown`
   * where this process does not have the version, or the rows are from before fingerprints.
   */
  readonly code: 'same' | 'changed' | 'unknown'
  readonly build: BuildProgress | null
}

/** What people do about projections: build their rows anew, try that, go back, hold. Any process's worker carries it out. */
export interface RebuildTools {
  /** The live versions of all lanes, and what is being built. */
  list(): Promise<readonly VersionStatus[]>
  /** Builds the rows of the live version anew, beside them, and switches to the new ones. */
  rebuild(target: RebuildTarget, settings: RebuildSettings): Promise<RebuildAnswer>
  /** Builds them aside, compares them with the live ones at one instant, and switches nothing. */
  verify(target: RebuildTarget, settings: RebuildSettings): Promise<RebuildAnswer>
  /** Brings back what was live before the last switch, brought up to date. Needs a process that has that version's code. */
  rollback(target: RebuildTarget, settings: Pick<RebuildSettings, 'principal' | 'share'>): Promise<RebuildAnswer>
  /** Ends builds of the projection; nothing of them is left. Returns how many. */
  cancel(target: RebuildTarget): Promise<number>
  /** Builds of the projection rest where they are. Returns how many. */
  pause(target: RebuildTarget): Promise<number>
  /** They go on. Those that are held for what they parked go live with it if `acceptParked`. Returns how many. */
  resume(target: RebuildTarget, options?: { readonly acceptParked?: boolean }): Promise<number>
  /** Nobody works in the lane until it is resumed: its rows stay as they are while the log goes on. */
  pauseLane(lane: number, principal: string): Promise<void>
  resumeLane(lane: number): Promise<boolean>
  /** The snapshots that rebuilds may begin from, and those that are no good any more. */
  snapshots(): Promise<readonly ProjectionSnapshot[]>
  /**
   * Takes a snapshot now, in this process, of the live rows of a projection. Resolves with one answer for each lane where
   * it is live; `not-now` also where this process does not have the code that the rows were folded with.
   */
  takeSnapshot(
    target: RebuildTarget,
    options?: { readonly keep?: number },
  ): Promise<readonly { readonly lane: number; readonly kind: SnapshotTaken['kind'] }[]>
  progress(build: { readonly lane: number; readonly id: number }): Promise<BuildProgress | undefined>
}

export type { BuildProgress, BuildResult, BuildState, KeyDifference, ProjectionSnapshot }

const NOT_NOW: SnapshotTaken = { kind: 'not-now' }

/** The tools alone, for a process that does not work on projections itself and has none of their code. */
export function openRebuildTools(store: Pick<PostgresStore, 'sql'>): RebuildTools {
  return createRebuildTools({ sql: store.sql(), own: [], wake: () => {} })
}

export function createRebuildTools(input: {
  readonly sql: Driver
  readonly own: readonly RegisteredProjection[]
  /** There may be a build to begin, or to end. */
  readonly wake: () => void
}): RebuildTools {
  const { sql, own, wake } = input
  const definitions = new Map(
    own.map(({ projection }) => [`${projection.name}@${projection.version}`, definitionOf(projection)]),
  )

  const find = async ({ projection, lane }: RebuildTarget): Promise<readonly LiveVersion[]> =>
    (await readLiveVersions(sql)).filter(
      (live) => live.projection === projection && (lane === undefined || live.lane === lane),
    )

  const progressOf = async (builds: readonly { lane: number; id: number }[]): Promise<readonly BuildProgress[]> => {
    const found = await Promise.all(builds.map((build) => readProgress(sql, build)))
    return found.filter((build) => build !== undefined)
  }

  const underWay = (lives: readonly LiveVersion[]): readonly { lane: number; id: number }[] =>
    lives.flatMap(({ lane, build }) => (build === null ? [] : [{ lane, id: build }]))

  const request = async (
    purpose: 'rebuild' | 'trial',
    target: RebuildTarget,
    { principal, parts = 1, share = 1, acceptParked = false, fromStart = purpose === 'trial' }: RebuildSettings,
  ): Promise<RebuildAnswer> => {
    const lives = await find(target)
    if (lives.length === 0) return { kind: 'unknown' }
    if (underWay(lives).length > 0) return { kind: 'exists', builds: await progressOf(underWay(lives)) }
    const builds: { lane: number; id: number }[] = []
    for (const { lane, id: live } of lives) {
      // One generation for all lanes, as long as they come from the same.
      const id = builds[0]?.id ?? null
      const same = id !== null && lives.every((other) => other.id === live) ? id : null
      const how = { purpose, parts, share, acceptParked, fromStart, principal }
      const found = await requestBuild(sql, { lane, live, id: same, ...how })
      if (found.kind === 'requested' && found.id !== null) builds.push({ lane, id: found.id })
    }
    wake()
    return { kind: 'requested', builds: await progressOf(builds) }
  }

  /** Of the builds of a projection, those of which `change` says that it changed them. */
  const changeAll = async (
    { projection, lane: only }: RebuildTarget,
    change: (build: { lane: number; id: number }) => Promise<boolean>,
  ): Promise<number> => {
    let changed = 0
    for (const { name, lane, id } of await readBuilds(sql)) {
      if (name !== projection || (only !== undefined && only !== lane)) continue
      if (await change({ lane, id })) changed += 1
    }
    wake()
    return changed
  }

  return {
    list: async () => {
      const lives = await readLiveVersions(sql)
      const builds = await progressOf(underWay(lives))
      return lives.map(({ definition, build, id: _, ...live }) => {
        const mine = definitions.get(`${live.projection}@${live.version}`)
        const code = mine === undefined || definition === null ? 'unknown' : mine === definition ? 'same' : 'changed'
        return { ...live, code, build: builds.find((at) => at.id === build && at.lane === live.lane) ?? null }
      })
    },
    rebuild: (target, settings) => request('rebuild', target, settings),
    verify: (target, settings) => request('trial', target, settings),
    rollback: async (target, { principal, share = 1 }) => {
      const lives = await find(target)
      if (lives.length === 0) return { kind: 'unknown' }
      if (underWay(lives).length > 0) return { kind: 'exists', builds: await progressOf(underWay(lives)) }
      const builds: { lane: number; id: number }[] = []
      for (const { lane, id: live } of lives) {
        const { kind, id } = await requestRollback(sql, { lane, live, share, principal })
        if (kind === 'requested' && id !== null) builds.push({ lane, id })
      }
      wake()
      return builds.length === 0 ? { kind: 'nothing' } : { kind: 'requested', builds: await progressOf(builds) }
    },
    cancel: (target) => changeAll(target, (build) => endBuild(sql, { ...build, state: 'cancelled', result: null })),
    pause: (target) =>
      changeAll(target, (build) => setBuildState(sql, { ...build, from: ['running'], to: 'paused', detail: null })),
    resume: (target, { acceptParked = false } = {}) =>
      changeAll(target, (build) =>
        setBuildState(sql, { ...build, from: ['paused', 'held'], to: 'running', detail: null, acceptParked }),
      ),
    pauseLane: (lane, principal) => pauseLane(sql, { lane, principal }),
    resumeLane: (lane) => resumeLane(sql, { lane }),
    snapshots: () => readSnapshots(sql),
    takeSnapshot: async (target, { keep = KEEP } = {}) => {
      const pace = createFoldPace({ sql, clock: () => performance.now() }, () => 1)
      const taken: { lane: number; kind: SnapshotTaken['kind'] }[] = []
      for (const { id, lane, projection, version } of await find(target)) {
        const definition = definitions.get(`${projection}@${version}`)
        const input = { sql, lane, id, keep, pace, mayGoOn: () => Promise.resolve(true) }
        const { kind } = definition === undefined ? NOT_NOW : await takeSnapshot({ ...input, definition })
        taken.push({ lane, kind })
      }
      return taken
    },
    progress: (build) => readProgress(sql, build),
  }
}
