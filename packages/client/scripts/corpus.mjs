// Adds what a device of the newest release keeps to the corpus that every later release has to open:
// `npm run corpus -- 2026-11`, once for each release of the app in `releases.ts` and each change of what is stored.
import { dirname, join } from 'node:path'
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const [name, release] = process.argv.slice(2)
if (name === undefined || !/^[\w.-]+$/.test(name)) {
  console.error('Say what the entry is to be called: npm run corpus -- <name> [number of the release]')
  process.exit(2)
}
const packages = fileURLToPath(new URL('../..', import.meta.url))
const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs')
const env = { ...process.env, TIDEMARK_CORPUS: name, ...(release === undefined ? {} : { TIDEMARK_RELEASE: release }) }
const { status } = spawnSync(
  process.execPath,
  [vitest, 'run', '--root', packages, '--project', 'unit', 'client/src/versions.test.ts'],
  { stdio: 'inherit', env },
)
process.exitCode = status ?? 1
