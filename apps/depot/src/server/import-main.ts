import { access, constants, mkdir, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { openStore } from '@tidemark/store'
import { DEMO_ACCOUNTS } from './accounts.ts'
import { openDatabase } from './database.ts'
import { depotArchive } from './depot-archive.ts'
import { readEnvironment } from './environment.ts'
import { failureToSentence, PlainFailure } from './failure.ts'
import { importFile } from './import/import-file.ts'
import { createImportTarget } from './import/import-target.ts'
import { createProgressLine } from './import/progress.ts'
import { NotAnInvoiceFile } from './import/read-invoice-lines.ts'
import { describeImport } from './import/result.ts'
import { ImportStalled } from './import/run-import.ts'
import { shutDownOnSignals } from './shut-down.ts'

const USAGE = 'Usage: npm run import -- FILE [--json] [--tenant harbour] [--verbose]'

/** Standard output is the summary's alone, or with `--json` the result's; all else is told on standard error. */
const log = (line: string): void => void process.stderr.write(`${line}\n`)
const shutDown = shutDownOnSignals(log)
let where: { directory: string; database?: string } = { directory: '.tidemark' }

/** `npm run import`: beside a running app or without one. */
async function main(): Promise<void> {
  const { file, tenant, json, verbose } = readArguments()
  const { directory, databaseUrl } = readEnvironment({ ...process.env, PORT: undefined })
  where = { directory }
  const path = await findFile(file)
  await mkdir(directory, { recursive: true })
  const database = await openDatabase(directory, databaseUrl, log)
  shutDown.onStop(() => database.release())
  where = { directory, database: database.place }
  const store = await openStore({
    url: database.url,
    applicationName: 'depot import',
    archive: depotArchive(directory),
  })
  shutDown.onStop(() => store.close())
  const progress = createProgressLine({
    label: 'Importing',
    terminal: process.stderr.isTTY,
    write: (text) => void process.stderr.write(text),
  })
  const stopping = new AbortController()
  const target = createImportTarget(store)
  const importing = importFile({ path, tenant, target, onProgress: progress.update, signal: stopping.signal })
  shutDown.onStop(async () => {
    stopping.abort()
    await importing.catch(() => undefined)
  })
  const outcome = await importing
  progress.end()
  const summary = describeImport(outcome, outcome.plan.dirty, verbose)
  if (json) log(summary)
  const text = json ? JSON.stringify(outcome.result) : summary
  await new Promise<void>((done) => process.stdout.write(`${text}\n`, () => done()))
}

function readArguments(): { file: string; tenant: string; json: boolean; verbose: boolean } {
  const tenants = new Set(DEMO_ACCOUNTS.map((account) => account.tenant))
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { json: { type: 'boolean' }, verbose: { type: 'boolean' }, tenant: { type: 'string' } },
    })
    const [file, ...more] = positionals
    const tenant = values.tenant ?? 'harbour'
    if (file === undefined || more.length > 0) throw new PlainFailure(`One file is needed. ${USAGE}`)
    if (!tenants.has(tenant)) {
      throw new PlainFailure(`There is no tenant "${tenant}", only ${[...tenants].join(' and ')}. ${USAGE}`)
    }
    return { file, tenant, json: values.json ?? false, verbose: values.verbose ?? false }
  } catch (error) {
    if (error instanceof PlainFailure) throw error
    throw new PlainFailure(`${error instanceof Error ? (error.message.split('. ')[0] ?? '') : String(error)}. ${USAGE}`)
  }
}

/** npm runs scripts in the repository's folder; the person may have typed the path in another. */
async function findFile(file: string): Promise<string> {
  const tried = [resolve(process.env['INIT_CWD'] ?? '.', file), resolve(file)]
  for (const path of tried) {
    const kind = await stat(path).catch(() => undefined)
    if (kind === undefined) continue
    if (kind.isDirectory()) throw new PlainFailure(`${path} is a folder: name the file with the invoice lines.`)
    await access(path, constants.R_OK).catch(() => {
      throw new PlainFailure(`${path} cannot be read: give yourself the right to read it.`)
    })
    return path
  }
  throw new PlainFailure(`There is no file ${tried[0] ?? file}: check the path.`)
}

try {
  await main()
  await shutDown.stop()
} catch (error) {
  if (!shutDown.stopping) {
    const plain =
      error instanceof NotAnInvoiceFile || error instanceof ImportStalled
        ? error.message
        : failureToSentence(error, where)
    process.stderr.write(`${plain ?? (error instanceof Error ? (error.stack ?? error.message) : String(error))}\n`)
    await shutDown.stop()
    process.exit(1)
  }
}
