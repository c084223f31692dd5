// Builds the packages and the depot app when a source is newer than what was built from it.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PlainError, mainOf, node, root, runStep } from './run-step.mjs'

const stamp = join(root, 'node_modules', '.cache', 'tidemark', 'built')

/** What a build must have left behind; a removed dist is built again whatever the stamp says. */
const outputs = ['apps/depot/dist/server/main.js', 'packages/server/dist/index.js', 'apps/depot/dist/web/index.html']

/** @param {{ force?: boolean }} [options] */
export async function build(options = {}) {
  const wanted = fingerprint()
  if (!options.force && isBuilt(wanted)) return
  console.log('Building …')
  const started = performance.now()
  const types = await node('node_modules/typescript/bin/tsc', ['-b', 'packages', 'apps/depot'])
  if (!types.ok) throw new PlainError('The TypeScript build failed: the errors are above.')
  const depot = join(root, 'apps', 'depot')
  const web = await runStep(
    process.execPath,
    [join(depot, 'node_modules', 'vite', 'bin', 'vite.js'), 'build', '--logLevel', 'warn'],
    {
      cwd: depot,
      env: { NODE_ENV: 'production' },
    },
  )
  if (!web.ok) throw new PlainError('The web build failed: the errors are above.')
  mkdirSync(join(stamp, '..'), { recursive: true })
  writeFileSync(stamp, wanted)
  console.log(`Built in ${((performance.now() - started) / 1000).toFixed(1)} s.`)
}

function isBuilt(wanted) {
  if (!outputs.every((path) => existsSync(join(root, path)))) return false
  try {
    return readFileSync(stamp, 'utf8') === wanted
  } catch {
    return false
  }
}

/** Name, size and time of every file that is built from. */
function fingerprint() {
  const hash = createHash('sha256')
  const add = (path) => {
    const { size, mtimeMs } = statSync(path)
    hash.update(`${path} ${size} ${mtimeMs}\n`)
  }
  const walk = (directory) => {
    for (const entry of readdirSync(directory, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.name === 'node_modules' || entry.name === 'dist' || entry.name.startsWith('.')) continue
      const path = join(directory, entry.name)
      if (entry.isDirectory()) walk(path)
      else if (!/\.test(-d)?\.tsx?$/.test(entry.name)) add(path)
    }
  }
  add(join(root, 'tsconfig.base.json'))
  add(join(root, 'pnpm-lock.yaml'))
  walk(join(root, 'packages'))
  walk(join(root, 'apps', 'depot'))
  return hash.digest('hex')
}

if (process.argv[1] === import.meta.filename) await mainOf(() => build({ force: true }))
