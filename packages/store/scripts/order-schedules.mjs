// `npm run order [-- --schedules 10000] [--seed 1]` in this package: the long form of the order test. It prints how far it is, the seed
// of a schedule that failed, and stops by itself; `--schedules 1 --seed <that seed>` draws the same schedule again.
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'

const { values } = parseArgs({ options: { schedules: { type: 'string' }, seed: { type: 'string' } } })
const schedules = Number(values.schedules ?? 10_000)
const seed = Number(values.seed ?? randomInt(1, 1_000_000_000))
if (!(Number.isSafeInteger(schedules) && schedules > 0 && Number.isSafeInteger(seed))) {
  console.error('Both numbers are whole: npm run order -- --schedules 10000 --seed 1')
  process.exit(2)
}
console.error(`${schedules} schedules from seed ${seed}`)
const store = join(import.meta.dirname, '..')
const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs')
const child = spawn(
  process.execPath,
  [
    vitest,
    'run',
    'store/src/order-schedules',
    '--root',
    join(store, '..'),
    '--project',
    'pg',
    '--disable-console-intercept',
  ],
  {
    stdio: 'inherit',
    env: { ...process.env, TIDEMARK_ORDER_SCHEDULES: String(schedules), TIDEMARK_ORDER_SEED: String(seed) },
  },
)
child.on('exit', (code) => {
  process.exitCode = code ?? 1
})
