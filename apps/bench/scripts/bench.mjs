// `npm run bench -- smoke|append|read|order|client|sync|projections|rebuild [--json]`: installs and builds what is missing, then runs the benchmark that is named.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ensureChromium } from '../../../.ci/browser.mjs'
import { build } from '../../../.ci/build.mjs'
import { install } from '../../../.ci/install.mjs'
import { PlainError, mainOf, node, root, runStep } from '../../../.ci/run-step.mjs'

const benches = ['smoke', 'append', 'read', 'order', 'client', 'sync', 'projections', 'rebuild']
/** Those that measure in a browser. */
const inBrowser = ['smoke', 'client', 'sync']
const directory = join(root, 'apps', 'bench')

await mainOf(async () => {
  const args = process.argv.slice(2)
  const [name] = args.filter((arg) => !arg.startsWith('--'))
  if (name === undefined || !benches.includes(name))
    throw new PlainError(`Name a benchmark: npm run bench -- ${benches.join(' | ')} [--json]`)
  // Standard output belongs to the result.
  const say = console.log
  console.log = console.error
  await install()
  await build()
  await compile()
  const env = inBrowser.includes(name) ? await prepareBrowser() : {}
  console.log = say
  const { ok } = await runStep(process.execPath, [join(directory, 'dist', 'main.js'), ...args], { env })
  if (!ok) process.exitCode = 1
})

async function compile() {
  const types = await node('node_modules/typescript/bin/tsc', ['-b', 'apps/bench'])
  if (!types.ok) throw new PlainError('The benchmark does not compile: the errors are above.')
}

async function prepareBrowser() {
  const vite = join(directory, 'node_modules', 'vite', 'bin', 'vite.js')
  const page = await runStep(process.execPath, [vite, 'build', '--logLevel', 'warn'], {
    cwd: directory,
    env: { NODE_ENV: 'production' },
  })
  if (!page.ok || !existsSync(join(directory, 'dist', 'site', 'index.html')))
    throw new PlainError('The page of the benchmark could not be built: the errors are above.')
  const { path, args } = await ensureChromium()
  return { TIDEMARK_CHROMIUM: path, TIDEMARK_CHROMIUM_ARGS: args.join(' ') }
}
