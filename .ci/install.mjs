// Installs the dependencies when they are missing or older than the lock file. Uses nothing but Node itself.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { requireNode } from './node-version.mjs'
import { PlainError, mainOf, root, runStep } from './run-step.mjs'

const stamp = join(root, 'node_modules', '.cache', 'tidemark', 'installed')

export async function install() {
  requireNode()
  const wanted = fingerprint()
  if (isInstalled(wanted)) return
  console.log('Installing the dependencies (once; later starts skip this) …')
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const { ok, seconds } = await runStep(
    'npx',
    ['-y', packageManager, 'install', '--frozen-lockfile', '--prefer-offline'],
    {
      // pnpm asks before it replaces a node_modules that it did not make; nobody may be there to answer.
      env: { CI: 'true', npm_config_update_notifier: 'false' },
    },
  )
  if (!ok)
    throw new PlainError(
      `The dependencies could not be installed: what pnpm said is above. Check the network and the disk, then run the command again.`,
    )
  mkdirSync(join(stamp, '..'), { recursive: true })
  writeFileSync(stamp, wanted)
  console.log(`Dependencies installed in ${seconds.toFixed(0)} s.`)
}

function isInstalled(wanted) {
  if (!workspaces().every((path) => existsSync(join(root, path, 'node_modules')))) return false
  try {
    return readFileSync(stamp, 'utf8') === wanted
  } catch {
    return false
  }
}

/** Content, not times: a checkout sets the times of files anew. */
function fingerprint() {
  const hash = createHash('sha256')
  hash.update(process.version.split('.')[0]).update(process.platform).update(process.arch)
  for (const path of [
    'pnpm-lock.yaml',
    'pnpm-workspace.yaml',
    'package.json',
    ...workspaces().map((at) => `${at}/package.json`),
  ])
    hash.update(readFileSync(join(root, path)))
  return hash.digest('hex')
}

function workspaces() {
  const inside = ['packages', 'apps'].flatMap((parent) =>
    readdirSync(join(root, parent)).map((name) => `${parent}/${name}`),
  )
  return [...inside, 'e2e'].filter((path) => existsSync(join(root, path, 'package.json'))).sort()
}

if (process.argv[1] === import.meta.filename) await mainOf(install)
