// `npm run chaos [-- --kills 200] [--seed 1]` in this package: the long form of the chaos test. It kills workers and Postgres while rows are
// folded, rebuilt and switched under load, verifies them after every kill, prints how far it is, and stops by itself.
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'

const { values } = parseArgs({ options: { kills: { type: 'string' }, seed: { type: 'string' } } })
const kills = Number(values.kills ?? 200)
const seed = Number(values.seed ?? randomInt(1, 1_000_000_000))
if (!(Number.isSafeInteger(kills) && kills > 0 && Number.isSafeInteger(seed))) {
  console.error('Both numbers are whole: npm run chaos -- --kills 200 --seed 1')
  process.exit(2)
}
console.error(`${kills} kills from seed ${seed}`)
const packages = join(import.meta.dirname, '..', '..')
const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs')
const child = spawn(
  process.execPath,
  // The filter first: the last option would take it for its value.
  [vitest, 'run', 'projections/src/chaos', '--root', packages, '--project', 'pg', '--disable-console-intercept'],
  {
    stdio: 'inherit',
    env: { ...process.env, TIDEMARK_CHAOS_KILLS: String(kills), TIDEMARK_CHAOS_SEED: String(seed) },
  },
)
child.on('exit', (code) => {
  process.exitCode = code ?? 1
})
