import { randomUUID } from 'node:crypto'
import type { EventStore } from '@tidemark/core'
import { buildConsumer, partConsumer, type BuildPart } from './build-part.ts'
import { createFoldPace } from './fold-pace.ts'
import { createPartFold } from './fold-part.ts'
import { createWholeFold } from './fold-whole.ts'
import { createBuildOpener } from './fill-build.ts'
import { createLease, type Lease } from './lease.ts'
import type { RegistryBlock } from './lane-registry.ts'
import type { LaneBlock } from './lane-worker.ts'
import { NEAR, nextBuildStep } from './next-build-step.ts'
import { REBUILT_STREAM, toRebuiltEvent } from './rebuild-event.ts'
import type { RegisteredProjection } from './registered-projection.ts'
import type { BatchContext } from './run-batch.ts'
import {
  compareBuild,
  endBuild,
  mergeBuild,
  noteAnnounced,
  readBuilds,
  readComparison,
  readDifferences,
  splitBuild,
  switchLive,
  type StoredBuild,
} from './statements/builds.ts'
import { dropSnapshots } from './statements/projection-snapshots.ts'
import { readCheckpoint, SYNCED } from './statements/checkpoint.ts'
import { acceptDefinition } from './statements/version-status.ts'
import { laneTenant } from './statements/lane-tenant.ts'

export interface BuildRunOptions extends BatchContext {
  readonly store: Pick<EventStore, 'append' | 'readLane'>
  readonly lane: number
  readonly member: RegisteredProjection
  /** Fingerprint of the code that folds it here. */
  readonly definition: string
  readonly holder: string
  readonly largestBatch: number
  readonly clock: () => number
  readonly stopping: () => boolean
}

/** What a look at a build came to. */
export type BuildRun =
  /** There is more to do at once. */
  | { readonly kind: 'more' }
  /** It waits: for another process, for the lane, or for a person. */
  | { readonly kind: 'rest' }
  | { readonly kind: 'blocked'; readonly block: LaneBlock }
  /** It is over, or gone. */
  | { readonly kind: 'over' }

const MORE: BuildRun = { kind: 'more' }
const REST: BuildRun = { kind: 'rest' }
/** Batches at a time that a build runs after the live rows, so close behind. */
const CHASES = 50
/** Keys that a trial's result names. */
const SAMPLE = 100

/** One process's work on one build in one lane. */
export interface BuildWork {
  step(): Promise<BuildRun>
  /** Gives its leases back. */
  close(): Promise<void>
}

/** Takes a build from wherever it is to its end, step by step; any process may go on with the next step. */
export function createBuildWork(options: BuildRunOptions): BuildWork {
  const { lane, member, sql, store, clock, stopping } = options
  const { id } = member
  const at = { lane, id }
  const leases = new Map<string, Lease>()
  let share = 1
  const pace = createFoldPace({ sql, clock }, () => share)
  const whole = createWholeFold(options, member)
  const opener = createBuildOpener({ ...options, pace })
  // Looked at once by each process: rows of other code may not be gone on with.
  let opened = false
  let begunHere = false

  const leaseOf = (consumer: string): Lease => {
    const known = leases.get(consumer)
    if (known !== undefined) return known
    const created = createLease({ ...options, consumer })
    leases.set(consumer, created)
    return created
  }

  const foldParts = async (build: StoredBuild): Promise<BuildRun> => {
    if (build.place.kind !== 'parts') return MORE
    const empty = begunHere && build.place.parts.every((part) => part.at === 0)
    begunHere = false
    const open = build.place.parts.filter((part) => part.at < build.goal)
    const runs = await Promise.all(open.map((part) => foldPart(build, part, empty && open.length === 1)))
    return runs.find((run) => run.kind === 'blocked') ?? runs.find((run) => run.kind === 'more') ?? REST
  }

  /** Folds a part for as long as this process may. */
  const foldPart = async (build: StoredBuild, part: BuildPart & { at: number }, empty: boolean): Promise<BuildRun> => {
    const consumer = partConsumer(id, part)
    const lease = leaseOf(consumer)
    if ((await lease.take()).kind !== 'held') return REST
    // Read again now that nobody else works here.
    const [now] = await readBuilds(sql, at)
    const place = now?.place.kind === 'parts' ? now.place.parts.find(({ number }) => number === part.number) : undefined
    if (place === undefined || place.of !== part.of) return MORE
    const fold = createPartFold(options, { lane, member, part: place, goal: build.goal, empty, pace, clock })
    for (;;) {
      const state = await lease.take()
      if (state.kind !== 'held') return REST
      const step = await fold.step(state.fence)
      if (step.kind === 'blocked') return step
      if (step.kind === 'ended') {
        await lease.release()
        return folded(place.at, build) ? MORE : REST
      }
      if (step.kind === 'lost' || stopping()) return MORE
    }
  }

  /** Whether a part that ended may have come on at all: one that waits for the others is not looked at at once. */
  const folded = (was: number, build: StoredBuild): boolean => was < build.goal && was >= build.wholeUntil

  const announce = async (build: StoredBuild): Promise<BuildRun> => {
    const { name: projection, version } = build
    const rebuilt = { projection, version, build: id, definition: options.definition }
    const answer = await store.append({
      tenant: await laneTenant(sql, lane),
      stream: REBUILT_STREAM,
      expected: 'any',
      principal: 'tidemark',
      device: null,
      command: null,
      occurredAt: new Date().toISOString(),
      events: [toRebuiltEvent(randomUUID(), rebuilt)],
    })
    // The lane is overloaded: another time.
    if (answer.kind !== 'appended') return REST
    await noteAnnounced(sql, { ...at, position: answer.position })
    return MORE
  }

  const judge = async (build: StoredBuild): Promise<BuildRun> => {
    const found = await readComparison(sql, at)
    const keys = await readDifferences(sql, { ...at, limit: SAMPLE })
    if (found.differences === 0 && build.live !== null) {
      await acceptDefinition(sql, { lane, id: build.live, definition: options.definition })
    }
    // They were taken of rows that were wrong, or may have been.
    if (found.differences > 0) await dropSnapshots(sql, { lane, name: build.name, version: build.version })
    await endBuild(sql, { ...at, state: 'done', result: { ...found, keys } })
    return { kind: 'over' }
  }

  /** The last events and the switch at once: writers would keep a build from ever being quite there. */
  const switchAt = async (build: StoredBuild, fence: number): Promise<BuildRun> => {
    for (let goal = build.synced, tries = 0; tries < CHASES; tries++) {
      const step = await whole.step(options.largestBatch, goal, fence)
      if (step.kind === 'blocked') return step
      if (step.kind === 'gone') {
        opened = false
        return MORE
      }
      if (step.kind !== 'there') continue
      const answer = await switchLive(sql, at)
      if (answer === 'live' || answer === 'gone') return { kind: 'over' }
      goal = (await readCheckpoint(sql, { consumer: SYNCED, lane }))?.position ?? goal
    }
    return MORE
  }

  const stepWhole = async (build: StoredBuild, fence: number): Promise<BuildRun> => {
    const step = nextBuildStep(build)
    switch (step) {
      case 'rest':
        return REST
      case 'fold-parts':
        return foldParts(build)
      case 'begin':
        opened = false
        return MORE
      case 'split': {
        const from = build.place.kind === 'whole' ? build.place.at : 0
        if (!(await splitBuild(sql, { ...at, at: from, goal: build.synced, fence }))) begunHere = false
        return MORE
      }
      case 'merge':
        await mergeBuild(sql, { ...at, fence })
        return MORE
      case 'fold': {
        begunHere = false
        const near = build.place.kind === 'whole' && build.synced - build.place.at <= NEAR
        if (near && !build.sameVersionLive) return switchAt(build, fence)
        const most = near ? options.largestBatch : Math.min(options.largestBatch, pace.pieces().events)
        const result = await whole.step(most, build.synced, fence)
        if (!near) {
          await pace.breathe()
          await pace.probe()
        }
        if (result.kind === 'gone') opened = false
        return result.kind === 'blocked' ? result : MORE
      }
      case 'compare':
        if (build.live !== null) await compareBuild(sql, { ...at, live: build.live })
        return MORE
      case 'announce':
        return announce(build)
      case 'switch':
        return switchAt(build, fence)
      case 'judge':
        return judge(build)
    }
  }

  return {
    step: async () => {
      const lease = leaseOf(buildConsumer(id))
      const had = lease.state().kind
      const state = await lease.take()
      // Another process may have begun it again with its own code.
      if (had !== 'held') opened = false
      const [build] = await readBuilds(sql, at)
      if (build === undefined) return { kind: 'over' }
      if (!build.running) return REST
      share = build.share
      if (state.kind !== 'held') {
        // Its parts may be folded by anybody who has the same code.
        return build.place.kind === 'parts' && build.definition === options.definition ? foldParts(build) : REST
      }
      if (!opened) {
        const answer = await opener.open(build.purpose)
        if (answer === 'gone') return { kind: 'over' }
        if (answer === 'foreign') return { kind: 'blocked', block: toForeignBlock(build) }
        begunHere = answer === 'begun'
        opened = answer !== 'more'
        return MORE
      }
      return stepWhole(build, state.fence)
    },
    close: async () => {
      await Promise.all([...leases.values()].map((lease) => lease.release()))
    },
  }
}

function toForeignBlock({ name, version }: StoredBuild): RegistryBlock {
  return {
    reason: 'uncovered',
    detail:
      `The way back of projection "${name}" version ${version} goes on from rows that other code folded than this process ` +
      'has: run the release that folded them, or cancel it.',
  }
}
