// Finds a Chromium that really starts, or gets one.
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, join } from 'node:path'
import { PlainError, mainOf, root, runStep } from './run-step.mjs'

/**
 * How every Chromium of the tests and the benchmarks is started. No sandbox: it does not start as root. No QUIC: it
 * goes around the TCP proxy that the tests cut. The rest keeps it from calling home.
 */
export const chromiumArgs = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** Names the executable to use; set, it is the only one tried. */
export const chromiumVariable = 'TIDEMARK_CHROMIUM'

/**
 * The first of these that starts: the one that `TIDEMARK_CHROMIUM` names, one on the PATH, Playwright's own, what
 * Playwright downloads now, what the system's package manager installs now (as root, where there is apt).
 *
 * @returns {Promise<{ path: string, args: readonly string[] }>}
 */
export async function ensureChromium() {
  const given = process.env[chromiumVariable]
  if (given) {
    if (await starts(given)) return { path: given, args: chromiumArgs }
    throw new PlainError(`${chromiumVariable} names ${given}, which does not start as a browser: correct or unset it.`)
  }
  for (const find of [findOnPath, findDownloaded, download, installFromSystem]) {
    for (const path of await find()) if (await starts(path)) return { path, args: chromiumArgs }
  }
  throw new PlainError(
    `No Chromium was found or could be installed: install one (Debian: "apt-get install chromium"; elsewhere "npx playwright install --with-deps chromium" in e2e/), or name one in ${chromiumVariable}.`,
  )
}

function findOnPath() {
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
  const onPath = (process.env.PATH ?? '')
    .split(delimiter)
    .flatMap((directory) => names.map((name) => join(directory, name)))
  const elsewhere = [
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
  ]
  return [...onPath, ...elsewhere].filter((path) => existsSync(path))
}

function findDownloaded() {
  const { chromium } = createRequire(join(root, 'e2e', 'package.json'))('@playwright/test')
  const path = chromium.executablePath()
  return existsSync(path) ? [path] : []
}

async function download() {
  console.log('No Chromium on this machine; asking Playwright to download one …')
  const playwright = join(root, 'e2e', 'node_modules', '@playwright', 'test', 'cli.js')
  const { ok } = await runStep(process.execPath, [playwright, 'install', 'chromium'], {
    env: { PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT: '15000' },
    timeoutMs: 240_000,
  })
  if (!ok) return []
  const paths = findDownloaded()
  if (isRoot() && paths[0] !== undefined && !(await starts(paths[0])))
    await runStep(process.execPath, [playwright, 'install-deps', 'chromium'], { timeoutMs: 300_000 })
  return paths
}

async function installFromSystem() {
  if (!isRoot() || !findProgram('apt-get')) return []
  console.log('Installing Chromium with apt-get …')
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  await runStep('apt-get', ['update', '-q'], { env, timeoutMs: 300_000 })
  await runStep('apt-get', ['install', '-qy', '--no-install-recommends', 'chromium'], { env, timeoutMs: 600_000 })
  return findOnPath()
}

function isRoot() {
  return process.getuid?.() === 0
}

function findProgram(name) {
  return (process.env.PATH ?? '').split(delimiter).some((directory) => existsSync(join(directory, name)))
}

/** Ubuntu's `chromium-browser` is a script that only says where to get one; a missing library shows only on a start. */
async function starts(path) {
  const args = ['--headless=new', ...chromiumArgs, '--dump-dom', 'data:text/html,<p>tidemark']
  const { ok, output } = await runStep(path, args, { quiet: true, timeoutMs: 60_000 })
  return ok && output.includes('tidemark')
}

if (process.argv[1] === import.meta.filename)
  await mainOf(async () => {
    const { path } = await ensureChromium()
    console.log(path)
  })
