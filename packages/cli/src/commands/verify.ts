import { verifyLog, type Finding } from '@tidemark/store'
import { EXIT } from '../exit-code.ts'
import { toCount, type StoreCommand } from '../store-command.ts'

const args = {
  range: { type: 'string', default: '100000', description: 'positions per hash' },
} as const

/** `tidemark store verify` */
export const verifyCommand: StoreCommand<typeof args> = {
  name: 'verify',
  description:
    'Check that versions and positions have no gaps and archived files are whole, and print hashes to compare copies by.',
  args,
  async run({ args: { range }, store, storage, io, progress }) {
    const report = await verifyLog({
      sql: store.sql(),
      archive: storage,
      rangeSize: toCount('range', range, 1),
      signal: io.signal,
      onProgress: ({ lane, position, head }) => progress.show(`lane ${lane}: ${position} of ${head}`),
    })
    const lines = report.lanes.flatMap(({ lane, head, events, archived, ranges }) => [
      `lane ${lane}: ${events} events (${archived} archived), head ${head}`,
      ...ranges.map(({ from, to, hash }) => `  ${from} to ${to}: ${hash}`),
    ])
    lines.push(...report.findings.map(describeFinding))
    lines.push({ clean: 'Clean.', damaged: 'Damaged.', cancelled: 'Stopped before the end.' }[report.kind])
    const exit = { clean: EXIT.ok, damaged: EXIT.found, cancelled: EXIT.cancelled }[report.kind]
    return { exit, json: { ...report }, text: lines.join('\n') }
  },
}

function describeFinding(finding: Finding): string {
  switch (finding.kind) {
    case 'position-gap':
      return `lane ${finding.lane}: nothing at positions ${finding.from} to ${finding.to}`
    case 'version-gap':
      return `${finding.tenant} ${finding.stream}: ${finding.events} events with versions ${finding.first} to ${finding.last}`
    case 'time-backwards':
      return `lane ${finding.lane}: position ${finding.position} is recorded before the one before it`
    case 'archive-unreadable':
      return `${finding.tenant} ${finding.stream}: versions ${finding.firstVersion} to ${finding.lastVersion} are archived in ${finding.file}, which is ${finding.reason}`
    case 'stray-snapshot':
      return `${finding.tenant} ${finding.stream}: its snapshot at version ${finding.version} is of an event that is not here`
  }
}
