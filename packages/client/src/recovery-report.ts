import type { RecoveryReport } from './tidemark-client.ts'

/** The report as it is stored; `null` where there is none. One of an earlier release knows of no other installations. */
export function readReport(stored: unknown): RecoveryReport | null {
  if (typeof stored !== 'string') return null
  return { elsewhere: [], ...(JSON.parse(stored) as Omit<RecoveryReport, 'elsewhere'>) }
}
