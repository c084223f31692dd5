/**
 * I6 and I7 on a real Postgres: whoever is killed, and whenever, the rows are what the log says. `npm run chaos` in this
 * package runs the long form.
 */
import { expect, test } from 'vitest'
import { NOTHING_YET, runChaos, type ChaosTotals } from './test-chaos.ts'

const kills = Number(process.env.TIDEMARK_CHAOS_KILLS ?? 3)
const seed = Number(process.env.TIDEMARK_CHAOS_SEED ?? 5)
const long = process.env.TIDEMARK_CHAOS_KILLS !== undefined
/** By then a log has tens of thousands of events, which are folded four times after each kill: the next one begins, on a new database. */
const KILLS_IN_A_LIFE = 40

test(
  'while workers and Postgres are killed under load, rows are folded, snapshots taken, rows rebuilt and switched, and verify is clean each time',
  async () => {
    const startedAt = performance.now()
    const onKill = (totals: ChaosTotals): void => {
      if (!long) return
      const seconds = Math.round((performance.now() - startedAt) / 1_000)
      process.stderr.write(
        `${seconds} s: ${totals.kills} of ${kills} kills, ${totals.postgres} of Postgres; ${totals.rebuilds} rebuilds, ` +
          `${totals.verified} times verified, ${totals.events} events\n`,
      )
    }
    let totals: ChaosTotals = NOTHING_YET
    for (let life = 0; totals.kills < kills; life++) {
      const before = totals
      const own = Math.min(KILLS_IN_A_LIFE, kills - before.kills)
      totals = add(before, await runChaos({ kills: own, seed: seed + life, onKill: (now) => onKill(add(before, now)) }))
    }
    expect(totals).toMatchObject({ kills, rebuilds: kills, fromSnapshots: Math.ceil(kills / 2), verified: 2 * kills })
    // The default seed draws both.
    if (!long) expect(totals.postgres).toBeGreaterThan(0)
    if (!long) expect(totals.postgres).toBeLessThan(kills)
  },
  long ? 24 * 60 * 60_000 : 180_000,
)

function add(a: ChaosTotals, b: ChaosTotals): ChaosTotals {
  return {
    kills: a.kills + b.kills,
    postgres: a.postgres + b.postgres,
    rebuilds: a.rebuilds + b.rebuilds,
    fromSnapshots: a.fromSnapshots + b.fromSnapshots,
    verified: a.verified + b.verified,
    events: a.events + b.events,
  }
}
