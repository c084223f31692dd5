import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { resultToChart } from './chart.ts'
import { barsOf, isMet } from './result.ts'
import { runSmoke } from './smoke.ts'
import { resultToTable } from './table.ts'

const RESULTS = join(import.meta.dirname, '..', '..', 'results')

/** Runs the smoke bench and writes its result: a file, a chart, and standard output. */
export async function writeSmoke(json: boolean): Promise<void> {
  const result = await runSmoke((line) => process.stderr.write(`${line}\n`))
  mkdirSync(RESULTS, { recursive: true })
  writeFileSync(join(RESULTS, 'smoke.json'), `${JSON.stringify(result, null, 2)}\n`)
  writeFileSync(join(RESULTS, 'smoke.svg'), resultToChart(result))
  process.stdout.write(`${json ? JSON.stringify(result) : resultToTable(result)}\n`)
  if (!barsOf(result).every(isMet))
    process.stderr.write('A bar was missed: the table and the chart in apps/bench/results say which.\n')
}
