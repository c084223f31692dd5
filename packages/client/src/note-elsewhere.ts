import type { OtherInstallation } from '@tidemark/core'
import type { Write } from './database.ts'
import { readReport } from './recovery-report.ts'
import type { RecoveryReport } from './tidemark-client.ts'

/**
 * Keeps what the server knows of this person's other installations, in the caller's transaction: this one is new, and may
 * be what is left of one of them.
 */
export async function noteElsewhere(
  write: Write,
  elsewhere: readonly OtherInstallation[],
  now: number,
): Promise<RecoveryReport> {
  const known = readReport((await write.meta.get('recovery'))?.value)
  const nothing = { at: new Date(now).toISOString(), restored: 0, lost: [], unnamed: 0, lastContactAt: null }
  const report: RecoveryReport = { ...(known ?? nothing), elsewhere }
  await write.meta.put({ name: 'recovery', value: JSON.stringify(report) })
  return report
}
