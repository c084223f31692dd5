import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DEMO_ACCOUNTS } from './accounts.ts'
import { createDepot } from './create-depot.ts'
import { openDatabase } from './database.ts'
import { loadDemo } from './demo/load-demo.ts'
import { readEnvironment, type Environment } from './environment.ts'
import { failureToSentence } from './failure.ts'
import { createProgressLine } from './import/progress.ts'
import { probePort } from './probe-port.ts'
import { shutDownOnSignals } from './shut-down.ts'

/** The web app as `npm run build` leaves it. */
const WEB = fileURLToPath(new URL('../../dist/web/', import.meta.url))

const log = (line: string): void => void process.stdout.write(`${line}\n`)
const shutDown = shutDownOnSignals(log)
let where: { directory: string; port?: number; database?: string } = { directory: '.tidemark' }

/** `npm start`: database, server, demo data on the first start, and then a URL. */
async function main(): Promise<void> {
  const environment = readEnvironment(process.env)
  const { port, host, directory, databaseUrl } = environment
  where = { directory, port }
  // Known now, not after the demo data has been loaded; `listen` below still has the last word.
  await probePort(port, host)
  await mkdir(directory, { recursive: true })
  const database = await openDatabase(directory, databaseUrl, log)
  where = { ...where, database: database.place }
  shutDown.onStop(() => database.release())
  const hasWeb = existsSync(join(WEB, 'index.html'))
  const depot = await createDepot({ databaseUrl: database.url, directory, ...(hasWeb ? { staticDirectory: WEB } : {}) })
  shutDown.onStop(() => depot.close())

  const label = 'First start: loading the demo data'
  const progress = createProgressLine({
    label,
    terminal: process.stdout.isTTY,
    write: (text) => void process.stdout.write(text),
  })
  const stopping = new AbortController()
  const loading = loadDemo({ store: depot.store, onProgress: progress.update, signal: stopping.signal })
  shutDown.onStop(async () => {
    stopping.abort()
    await loading.catch(() => undefined)
  })
  if ((await loading) === 'loaded') {
    progress.end()
    log('Preparing the lists …')
    if (!(await depot.caughtUp('harbour', 60_000)))
      log('The lists are still being prepared; orders appear as they are ready.')
  }
  if (shutDown.stopping) return
  const { url } = await depot.listen({ port, host })
  log(summary(url, environment, database.place, hasWeb))
}

function summary(url: string, environment: Environment, database: string, hasWeb: boolean): string {
  const { host } = environment
  const isLocal = ['localhost', '127.0.0.1', '::1'].includes(host)
  const houses = new Map(DEMO_ACCOUNTS.map(({ tenant, tenantName }) => [tenant, tenantName]))
  const people = [...houses].map(([tenant, name]) => {
    const staff = DEMO_ACCOUNTS.filter((account) => account.tenant === tenant)
    return `${staff.map((account) => `${account.name.split(' ')[0] ?? ''} (${account.roles.join(', ')})`).join(', ')} of ${name}`
  })
  return [
    '',
    `Depot is at ${url.replace('//127.0.0.1', '//localhost').replace('//0.0.0.0', '//localhost')}`,
    '',
    `  sign in as  ${people.join('\n              ')}`,
    `  data        ${database}`,
    `  reachable   ${isLocal ? 'from this machine only; HOST=0.0.0.0 opens it to your network' : `on ${host}; anybody who reaches it can sign in, so keep it off the internet`}`,
    ...(hasWeb ? [] : ['  web app     is not built: npm run build']),
    '  stop        Ctrl-C',
    '',
  ].join('\n')
}

try {
  await main()
} catch (error) {
  // Told to stop in the middle: whatever then failed did so because everything is ending.
  if (!shutDown.stopping) {
    process.stderr.write(
      `${failureToSentence(error, where) ?? (error instanceof Error ? (error.stack ?? error.message) : String(error))}\n`,
    )
    await shutDown.stop()
    process.exit(1)
  }
}
