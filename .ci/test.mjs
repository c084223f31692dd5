// `npm test`: from a fresh clone to one last line, `N passed, N failed`.
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { followNpm } from './follow-npm.mjs'
import { requireNode } from './node-version.mjs'
import { PlainError, root, runStep } from './run-step.mjs'

requireNode()
followNpm()
const reports = join(root, 'node_modules', '.cache', 'tidemark', 'reports')
const total = { passed: 0, failed: 0 }

function count({ passed, failed }) {
  total.passed += passed
  total.failed += failed
}

/** Runs a stage that is one test by itself; returns whether it went well. */
async function stage(name, work) {
  console.log(`\n== ${name}`)
  const started = performance.now()
  try {
    const counts = await work()
    count(counts ?? { passed: 1, failed: 0 })
    console.log(`== ${name}: ${((performance.now() - started) / 1000).toFixed(1)} s`)
    return true
  } catch (error) {
    console.error(error instanceof PlainError ? error.message : error)
    count({ passed: 0, failed: 1 })
    return false
  }
}

async function vitest(project) {
  const report = join(reports, `vitest-${project}.json`)
  rmSync(report, { force: true })
  const vitestScript = join(root, 'node_modules', 'vitest', 'vitest.mjs')
  const args = ['run', '--root', 'packages', '--project', project]
  const { ok } = await runStep(process.execPath, [
    vitestScript,
    ...args,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ])
  return countOf(ok, () => {
    const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report, 'utf8'))
    // A file that does not even load holds no test that could be counted.
    const unloaded = testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length
    return { passed: numPassedTests, failed: numFailedTests + unloaded }
  })
}

async function playwright(browser) {
  const report = join(reports, 'playwright.json')
  rmSync(report, { force: true })
  const e2e = join(root, 'e2e')
  const cli = join(e2e, 'node_modules', '@playwright', 'test', 'cli.js')
  const { ok } = await runStep(process.execPath, [cli, 'test', '--reporter=list,json'], {
    cwd: e2e,
    env: { PLAYWRIGHT_JSON_OUTPUT_NAME: report, TIDEMARK_CHROMIUM: browser },
  })
  return countOf(ok, () => {
    const { stats } = JSON.parse(readFileSync(report, 'utf8'))
    // A test that passes only the second time has failed once.
    return { passed: stats.expected, failed: stats.unexpected + stats.flaky }
  })
}

/** A runner that failed, or ran nothing, is a failure whatever its report says. */
function countOf(ok, read) {
  let counts
  try {
    counts = read()
  } catch {
    counts = { passed: 0, failed: 0 }
  }
  if (counts.failed === 0 && (!ok || counts.passed === 0)) counts.failed = 1
  return counts
}

async function main() {
  mkdirSync(reports, { recursive: true })
  const { install } = await import('./install.mjs')
  if (!(await stage('install', install))) return
  const { check } = await import('./check.mjs')
  await stage('types, lint, format, unused code, size', check)
  await stage('unit tests', () => vitest('unit'))
  await stage('Postgres tests', () => vitest('pg'))
  const { build } = await import('./build.mjs')
  if (!(await stage('build', () => build()))) return
  let browser
  const found = await stage('browser', async () => {
    const { ensureChromium } = await import('./browser.mjs')
    browser = (await ensureChromium()).path
    console.log(browser)
  })
  if (found) await stage('end-to-end tests', () => playwright(browser))
}

const started = performance.now()
try {
  await main()
} catch (error) {
  console.error(error)
  total.failed += 1
}
console.log(`\n${((performance.now() - started) / 60_000).toFixed(1)} minutes`)
process.exitCode = total.failed > 0 ? 1 : 0
console.log(`${total.passed} passed, ${total.failed} failed`)
