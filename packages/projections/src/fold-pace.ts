import { setImmediate } from 'node:timers/promises'
import type { Driver } from '@tidemark/store'
import { FULL_PACE, nextPace, restMs } from './build-pace.ts'

/** Rests between pieces of work, so that what is live comes first. */
export interface FoldPace {
  /** Lets others in. `most`: the share of the time that may be spent. */
  breathe(most: number): Promise<void>
}

/** The database is asked how busy it is this often. */
const PROBE_MS = 100
/** Rests shorter than a timer can tell are put together. */
const SHORTEST_REST_MS = 4

export function createFoldPace({ sql, clock }: { sql: Driver; clock: () => number }): FoldPace {
  let pace = FULL_PACE
  let workedSince = clock()
  let probedAt = clock()
  return {
    breathe: async (most) => {
      await setImmediate()
      const worked = clock() - workedSince
      const rest = restMs({ ...pace, share: Math.min(pace.share, most) }, worked)
      if (rest < SHORTEST_REST_MS && clock() - probedAt < PROBE_MS) return
      if (rest >= SHORTEST_REST_MS) await new Promise((resolve) => setTimeout(resolve, rest))
      if (clock() - probedAt >= PROBE_MS) {
        const askedAt = clock()
        await sql.query('select 1 as one')
        probedAt = clock()
        pace = nextPace(pace, probedAt - askedAt, most)
      }
      workedSince = clock()
    },
  }
}
