// `npm run bench -- smoke [--json]`. Progress goes to standard error; standard output is for the result.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { resultToChart } from './smoke/chart.ts'
import { barsOf, isMet } from './smoke/result.ts'
import { runSmoke } from './smoke/smoke.ts'
import { resultToTable } from './smoke/table.ts'

const RESULTS = join(import.meta.dirname, '..', 'results')

const result = await runSmoke((line) => process.stderr.write(`${line}\n`))
mkdirSync(RESULTS, { recursive: true })
writeFileSync(join(RESULTS, 'smoke.json'), `${JSON.stringify(result, null, 2)}\n`)
writeFileSync(join(RESULTS, 'smoke.svg'), resultToChart(result))
process.stdout.write(`${process.argv.includes('--json') ? JSON.stringify(result) : resultToTable(result)}\n`)
if (!barsOf(result).every(isMet))
  process.stderr.write('A bar was missed: the table and the chart in apps/bench/results say which.\n')
