/** What a lane's worker has done since this process started. All only ever grow, but for `batchLimit`. */
export interface LaneCounters {
  readonly lane: number
  /** Events moved over, and the batches that did. */
  readonly events: number
  readonly batches: number
  /** Rows written. */
  readonly rows: number
  /** Milliseconds spent reading, folding and writing. */
  readonly busyMs: number
  /** Events set aside for what is wrong with themselves. */
  readonly parked: number
  /** Rounds that failed and were tried again. */
  readonly failures: number
  /** Times that code of the app did not end and was broken off. */
  readonly hung: number
  /** Times that the circuit breaker opened. */
  readonly breakerOpened: number
  /** Most events that the next batch will take. */
  readonly batchLimit: number
}

export type Counting = { -readonly [Name in keyof LaneCounters]: LaneCounters[Name] }

export function createCounters(lane: number): Counting {
  return {
    lane,
    events: 0,
    batches: 0,
    rows: 0,
    busyMs: 0,
    parked: 0,
    failures: 0,
    hung: 0,
    breakerOpened: 0,
    batchLimit: 0,
  }
}
