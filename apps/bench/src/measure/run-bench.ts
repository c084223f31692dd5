import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { reportToChart } from './chart.ts'
import { medianOf } from './ratio.ts'
import { createSamples, toReport, type Bar, type BenchReport, type Samples } from './report.ts'
import { startMeasuredServer, type MeasuredServer } from './server.ts'
import { reportToTable } from './table.ts'

const RESULTS = join(import.meta.dirname, '..', '..', 'results')

export type Bench = {
  readonly name: string
  readonly bars: readonly Bar[]
} & (
  | { readonly measure: (server: MeasuredServer, samples: Samples, progress: Progress) => Promise<void> }
  /** Needs no Postgres. */
  | { readonly measureAlone: (samples: Samples, progress: Progress) => Promise<void> }
)

export type Progress = (line: string) => void

/** Starts Postgres where it is needed, measures, and writes the result: a file, a chart, and standard output. */
export async function runBench(bench: Bench, options: { json: boolean; quick: boolean }): Promise<BenchReport> {
  const startedAt = performance.now()
  const progress: Progress = (line) => {
    const seconds = Math.round((performance.now() - startedAt) / 1_000)
    process.stderr.write(`${String(seconds).padStart(4)} s  ${line}\n`)
  }
  const loadBefore = loadavg()[0] ?? 0
  const samples = createSamples()
  let postgres = 'none'
  if ('measure' in bench) {
    progress('starting Postgres')
    const server = await startMeasuredServer()
    postgres = server.description
    try {
      await bench.measure(server, samples, progress)
    } finally {
      await server.close()
    }
  } else {
    await bench.measureAlone(samples, progress)
  }
  const conditions = {
    postgres,
    node: process.version,
    cores: cpus().length,
    loadBefore,
    loadAfter: loadavg()[0] ?? 0,
    quick: options.quick,
    seconds: Math.round((performance.now() - startedAt) / 1_000),
  }
  const report = toReport(bench.name, samples, bench.bars, conditions, medianOf)
  // A short run is for trying things out: it does not replace the results that stand.
  const name = options.quick ? `${bench.name}-quick` : bench.name
  mkdirSync(RESULTS, { recursive: true })
  writeFileSync(join(RESULTS, `${name}.json`), `${JSON.stringify(report, null, 2)}\n`)
  writeFileSync(join(RESULTS, `${name}.svg`), reportToChart(report))
  process.stdout.write(`${options.json ? JSON.stringify(report) : reportToTable(report)}\n`)
  if (!report.bars.every((bar) => bar.met))
    process.stderr.write('A bar was missed: the table and the chart in apps/bench/results say which.\n')
  return report
}
