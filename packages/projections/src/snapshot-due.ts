/** How often snapshots of projections are taken. Each costs a reading of all rows, and a copy of them, compressed. */
export interface SnapshotSchedule {
  /** After so many events of the lane since the last one. Default: not by events. */
  readonly everyEvents?: number
  /** After so many hours, if there has been any event since. Default: not by time. */
  readonly everyHours?: number
  /** How many are kept of a version in a lane. Default 2. */
  readonly keep?: number
}

export const KEEP = 2

/** Where a version stands in a lane, and its newest snapshot there. */
export interface SnapshotAge {
  readonly checkpoint: number
  /** 0 where there is none. */
  readonly position: number
  /** `null` where there is none. */
  readonly ageSeconds: number | null
}

/** Whether a snapshot is to be taken. Pure. */
export function isSnapshotDue(
  { everyEvents, everyHours }: SnapshotSchedule,
  { checkpoint, position, ageSeconds }: SnapshotAge,
): boolean {
  const since = checkpoint - position
  // The same rows again would be of no use.
  if (since <= 0) return false
  if (everyEvents !== undefined && since >= everyEvents) return true
  return everyHours !== undefined && (ageSeconds === null || ageSeconds >= everyHours * 3_600)
}

/** @throws RangeError */
export function checkSchedule({ everyEvents, everyHours, keep = KEEP }: SnapshotSchedule): void {
  if (everyEvents === undefined && everyHours === undefined) {
    throw new RangeError('A schedule of snapshots names everyEvents, everyHours, or both.')
  }
  if (everyEvents !== undefined && !(Number.isInteger(everyEvents) && everyEvents > 0)) {
    throw new RangeError(`everyEvents is ${everyEvents}: a whole number of events, at least 1.`)
  }
  if (everyHours !== undefined && !(everyHours > 0)) throw new RangeError(`everyHours is ${everyHours}: more than 0.`)
  if (!(Number.isInteger(keep) && keep > 0)) throw new RangeError(`keep is ${keep}: a whole number of at least 1.`)
}
