import { setImmediate } from 'node:timers/promises'
import type { Driver } from '@tidemark/store'
import { FULL_PACE, nextPace, piecesOf, restMs, type BuildPieces } from './build-pace.ts'
import { readLiveAge } from './statements/live-age.ts'

/** Rests between pieces of work, so that what is live comes first. */
export interface FoldPace {
  /** Lets others in: for a moment, and for a rest where one is due. */
  breathe(): Promise<void>
  /**
   * Asks, now and then, how busy the database is. For moments at which nothing of this build is on its way: the answer
   * would wait for that, and the build take itself for somebody else.
   */
  probe(): Promise<void>
  /** How much to do before the next breath. */
  pieces(): BuildPieces
}

/** The database is asked how busy it is this often. */
const PROBE_MS = 100
/** Rests shorter than a timer can tell are put together. */
const SHORTEST_REST_MS = 1

/** `most`: the share of the time that may be spent, of 1. */
export function createFoldPace({ sql, clock }: { sql: Driver; clock: () => number }, most: () => number): FoldPace {
  let pace = FULL_PACE
  let workedSince = clock()
  let probedAt = -PROBE_MS
  return {
    breathe: async () => {
      await setImmediate()
      const rest = restMs({ ...pace, share: Math.min(pace.share, most()) }, clock() - workedSince)
      if (rest > 0 && rest < SHORTEST_REST_MS) return
      if (rest > 0) await new Promise((resolve) => setTimeout(resolve, rest))
      workedSince = clock()
    },
    probe: async () => {
      if (clock() - probedAt < PROBE_MS) return
      await setImmediate()
      const askedAt = clock()
      const liveAgeMs = await readLiveAge(sql)
      probedAt = clock()
      pace = nextPace(pace, { tookMs: probedAt - askedAt, liveAgeMs }, most())
    },
    pieces: () => piecesOf(pace),
  }
}
