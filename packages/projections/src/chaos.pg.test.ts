/**
 * I6 and I7 on a real Postgres: whoever is killed, and whenever, the rows are what the log says. `npm run chaos` in this
 * package runs the long form.
 */
import { expect, test } from 'vitest'
import { runChaos, type ChaosTotals } from './test-chaos.ts'

const kills = Number(process.env.TIDEMARK_CHAOS_KILLS ?? 3)
const seed = Number(process.env.TIDEMARK_CHAOS_SEED ?? 5)
const long = process.env.TIDEMARK_CHAOS_KILLS !== undefined

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
    const totals = await runChaos({ kills, seed, onKill })
    expect(totals).toMatchObject({ kills, rebuilds: kills, fromSnapshots: Math.ceil(kills / 2), verified: 2 * kills })
    // The default seed draws both.
    if (!long) expect(totals.postgres).toBeGreaterThan(0)
    if (!long) expect(totals.postgres).toBeLessThan(kills)
  },
  long ? 24 * 60 * 60_000 : 180_000,
)
