// The long form of the model test: `npm run model -- --runs 20000`, with a seed of its own unless `--seed` names one.
// A failure prints the seed, and the acts made as few as they can be: they belong into `found.ts`.
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '2000' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
  },
})
console.log(`seed ${values.seed}, ${values.runs} runs`)
const packages = fileURLToPath(new URL('../..', import.meta.url))
const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs')
const { status } = spawnSync(
  process.execPath,
  [vitest, 'run', '--root', packages, '--project', 'unit', 'client/src/model.test.ts'],
  { stdio: 'inherit', env: { ...process.env, TIDEMARK_SEED: values.seed, TIDEMARK_RUNS: values.runs } },
)
process.exitCode = status ?? 1
