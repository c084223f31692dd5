import type { Driver } from '@tidemark/store'
import { createAlarm } from './alarm.ts'
import { definitionOf } from './definition.ts'
import { createFoldPace } from './fold-pace.ts'
import { createLease, type Lease } from './lease.ts'
import type { RegisteredProjection } from './registered-projection.ts'
import { isSnapshotDue, KEEP, type SnapshotSchedule } from './snapshot-due.ts'
import { readCandidates, type SnapshotCandidate } from './statements/projection-snapshots.ts'
import { takeSnapshot } from './take-snapshot.ts'

export interface SnapshotKeeperOptions {
  readonly sql: Driver
  readonly own: readonly RegisteredProjection[]
  readonly schedule: SnapshotSchedule
  /** Name of this process among those that work on the database. */
  readonly holder: string
  readonly pollMs: number
  readonly onError: (error: unknown) => void
  readonly clock: () => number
}

export interface SnapshotKeeper {
  /** Resolves when the portion in flight is done. */
  stop(): Promise<void>
}

/** Whose work it is to take snapshots in a lane. */
const SNAPSHOTS = 'snapshots'
/** What is due is looked for this much less often than events. */
const LOOK_POLLS = 20
/** Most of its time that it takes; less where the database is busy. */
const SHARE = 0.5

/** Takes the snapshots that are due, one after another, in the lanes that no other process takes them in. It never ends by itself. */
export function startSnapshotKeeper(options: SnapshotKeeperOptions): SnapshotKeeper {
  const { sql, own, schedule, pollMs, onError } = options
  const alarm = createAlarm()
  const stopped = { is: false }
  const leases = new Map<number, Lease>()
  const pace = createFoldPace(options, () => SHARE)
  const definitions = new Map(
    own.map(({ projection }) => [`${projection.name}@${projection.version}`, definitionOf(projection)]),
  )

  const leaseOf = (lane: number): Lease => {
    const known = leases.get(lane)
    if (known !== undefined) return known
    const created = createLease({ ...options, consumer: SNAPSHOTS, lane })
    leases.set(lane, created)
    return created
  }

  const mayWork = async (lane: number): Promise<boolean> => !stopped.is && (await leaseOf(lane).take()).kind === 'held'

  const keep = async ({ id, lane, projection, version, definition, ...age }: SnapshotCandidate): Promise<void> => {
    const mine = definitions.get(`${projection}@${version}`)
    // Rows that other code folded are that code's to keep.
    if (mine === undefined || mine !== definition || !isSnapshotDue(schedule, age)) return
    if (!(await mayWork(lane))) return
    const mayGoOn = (): Promise<boolean> => mayWork(lane)
    await takeSnapshot({ sql, lane, id, definition, keep: schedule.keep ?? KEEP, pace, mayGoOn })
  }

  const loop = async (): Promise<void> => {
    while (!stopped.is) {
      try {
        for (const candidate of await readCandidates(sql)) await keep(candidate)
      } catch (error) {
        onError(error)
      }
      await alarm.wait(pollMs * LOOK_POLLS)
    }
    await Promise.all([...leases.values()].map((lease) => lease.release()))
  }
  const ended = loop()

  return {
    stop: () => {
      stopped.is = true
      alarm.ring()
      return ended
    },
  }
}
