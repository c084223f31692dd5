import { measureBrowser } from './browser-figures.ts'
import { startEnvironment } from './environment.ts'
import { measureImport } from './import-rate.ts'
import { round } from './quantiles.ts'
import type { SmokeResult } from './result.ts'

/** Takes one line for people about what goes on. */
export type Progress = (line: string) => void

/** Longer than any run that went well; a hang must not be for ever. */
const LIMIT_MS = 230_000

/** Measures the figures of the first stone, each beside its peer and in the same run. */
export async function runSmoke(progress: Progress): Promise<SmokeResult> {
  const limit = setTimeout(() => {
    process.stderr.write(`The benchmark was given up after ${LIMIT_MS / 1_000} s.\n`)
    process.exit(1)
  }, LIMIT_MS)
  progress('starting Postgres')
  const environment = await startEnvironment()
  try {
    const rates = await measureImport(environment, progress)
    const figures = await measureBrowser(environment, progress)
    const importVsInsert = round(rates.importCommandsPerSecond / rates.insertPerSecond)
    return { bench: 'smoke', figures: { ...figures, ...rates }, ratios: { importVsInsert } }
  } finally {
    await environment.close()
    clearTimeout(limit)
  }
}
