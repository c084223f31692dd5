import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { createDepot, DEMO_FILE, type ImportResult } from '@tidemark/depot/server'
import type { Environment } from './environment.ts'
import { measureInserts } from './insert-rate.ts'
import { round } from './quantiles.ts'
import type { Progress } from './smoke.ts'

/** Half of the sample is taken before the import and half after it: what drifts on the machine drifts on both. */
const INSERTS = 4_000

/** What `npm run import` runs. */
const IMPORT = fileURLToPath(new URL('import-main.js', import.meta.resolve('@tidemark/depot/server')))

export interface ImportRate {
  readonly importCommandsPerSecond: number
  readonly insertPerSecond: number
}

/** The whole import through the pipeline, by the program that people use, and plain INSERTs beside it. */
export async function measureImport(environment: Environment, progress: Progress): Promise<ImportRate> {
  const databaseUrl = await environment.createDatabase('bench_import')
  // Makes the tables, whose shape the plain ones take.
  await (await createDepot({ databaseUrl, directory: environment.directory })).close()
  const before = await measureInserts(databaseUrl, INSERTS / 2)
  progress(`single-row INSERTs: ${Math.round(before)}/s`)
  const result = await runImport(databaseUrl, environment.directory)
  progress(`import: ${result.commands} commands in ${result.seconds} s`)
  const after = await measureInserts(databaseUrl, INSERTS / 2)
  progress(`single-row INSERTs: ${Math.round(after)}/s`)
  return {
    importCommandsPerSecond: round(result.commands / result.seconds),
    // Time per INSERT is what averages, not the rate.
    insertPerSecond: round(2 / (1 / before + 1 / after)),
  }
}

async function runImport(databaseUrl: string, directory: string): Promise<ImportResult> {
  const child = spawn(process.execPath, [IMPORT, DEMO_FILE, '--json'], {
    env: { ...process.env, DATABASE_URL: databaseUrl, TIDEMARK_DIR: directory },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'close')])
  if (code !== 0) throw new Error(`The import ended with ${String(code)}.`)
  const result = JSON.parse(output.trim().split('\n').at(-1) ?? '') as ImportResult
  if (result.accepted !== result.commands)
    throw new Error(`The import did not take everything: ${JSON.stringify(result)}`)
  return result
}
