// `npm run check`: types, lint, format, unused code and the size of the client. Every step runs, also after one has failed.
import { install } from './install.mjs'
import { mainOf, node } from './run-step.mjs'

/** @type {[name: string, script: string, args: string[]][]} */
const steps = [
  ['types', 'node_modules/typescript/bin/tsc', ['-b', 'packages', 'apps/depot', 'apps/bench', 'e2e']],
  ['types of the tests', 'node_modules/typescript/bin/tsc', ['-p', 'packages/tsconfig.test.json']],
  ['lint', 'node_modules/oxlint/bin/oxlint', ['--deny-warnings']],
  ['format', 'node_modules/oxfmt/bin/oxfmt', ['--check']],
  ['unused code', 'node_modules/knip/bin/knip.js', []],
  ['size of the client', '.ci/size.mjs', []],
]

/** @returns {Promise<{ passed: number, failed: number }>} one for each step */
export async function check() {
  let failed = 0
  for (const [name, script, args] of steps) {
    const { ok, seconds } = await node(script, args)
    console.log(`${ok ? 'ok    ' : 'FAILED'} ${name} (${seconds.toFixed(1)} s)`)
    if (!ok) failed += 1
  }
  return { passed: steps.length - failed, failed }
}

if (process.argv[1] === import.meta.filename)
  await mainOf(async () => {
    await install()
    const { failed } = await check()
    if (failed > 0) process.exitCode = 1
  })
