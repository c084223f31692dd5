/**
 * How much of its time a build may spend, so that the live work keeps its pace. Pure. The measures are how long ago the last
 * events came in, and how long the shortest question to the database takes: it waits for the same processor, the same disk and
 * the same event loop as an append.
 */
export interface BuildPace {
  /** Of 1: a build that worked for a second rests for `1 / share - 1` seconds. */
  readonly share: number
  /** The same, as far as the answers of the database go: what it comes back to when no more events come in. */
  readonly allowed: number
  /** What the question takes when nothing else is going on, in milliseconds. `undefined`: not asked yet. */
  readonly quietMs: number | undefined
}

/** What the database was asked, now and then. In milliseconds. */
export interface Probe {
  /** What the answer took. */
  readonly tookMs: number
  /** Since the last events, of whatever lane, came in. */
  readonly liveAgeMs: number
}

export const FULL_PACE: BuildPace = { share: 1, allowed: 1, quietMs: undefined }

/** Others may be busy for ever: a build comes to its end all the same. */
const SMALLEST_SHARE = 0.2
/** While events come in, however quick the database still is: what is measured now and then comes too late for them. */
const LIVE_SHARE = 0.42
const LIVE_MS = 250
/** Slower than this much of its quiet time, and by more than a whole millisecond, and others are waiting. */
const BUSY = 3
const BUSY_MS = 1
/** What was quiet once need not be for ever: the bar rises by so much with every question. */
const DRIFT = 1.03
/** Down quickly, up slowly. */
const BACK_OFF = 0.6
const STEP_UP = 0.05
const LONGEST_REST_MS = 500

/** `most`: the share that was asked for. */
export function nextPace(pace: BuildPace, { tookMs, liveAgeMs }: Probe, most: number): BuildPace {
  const quietMs = Math.min(tookMs, (pace.quietMs ?? tookMs) * DRIFT)
  const busy = tookMs > quietMs * BUSY && tookMs > quietMs + BUSY_MS
  const step = busy ? pace.allowed * BACK_OFF : pace.allowed + STEP_UP
  const allowed = Math.min(most, Math.max(Math.min(SMALLEST_SHARE, most), step))
  return { share: liveAgeMs < LIVE_MS ? Math.min(allowed, LIVE_SHARE) : allowed, allowed, quietMs }
}

/** Milliseconds to rest after having worked for so long. */
export function restMs({ share }: BuildPace, workedMs: number): number {
  return Math.min(LONGEST_REST_MS, workedMs * (1 / share - 1))
}

/** How much is done in one go. */
export interface BuildPieces {
  /** Events that are read, and kept in memory, together. */
  readonly events: number
  /** Keys in a commit. */
  readonly keys: number
  /** Old rows that are taken away in a call. */
  readonly removals: number
}

const LARGE: BuildPieces = { events: 1_000, keys: 500, removals: 5_000 }
/** Of some two milliseconds each, here and in the database: longer, and who came meanwhile has waited. */
const SMALL: BuildPieces = { events: 250, keys: 100, removals: 500 }
/** Who may do nearly everything is alone. */
const ALONE = 0.6

/** Small ones beside others, and as long as it is not known whether there are any. */
export function piecesOf({ share, quietMs }: BuildPace): BuildPieces {
  return quietMs !== undefined && share >= ALONE ? LARGE : SMALL
}

/** After each run of the app's code the event loop is free: it takes about so long. */
const RUN_MS = 2
const FEWEST = 20
const MOST = 1_000
export const FIRST_RUN = 200

/** How many events to fold in one run, after a run of `events` that took so long. */
export function nextRun(events: number, tookMs: number): number {
  const factor = Math.min(2, Math.max(0.25, RUN_MS / Math.max(tookMs, 0.01)))
  return Math.min(MOST, Math.max(FEWEST, Math.round(events * factor)))
}
