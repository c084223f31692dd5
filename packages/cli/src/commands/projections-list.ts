import type { VersionStatus } from '@tidemark/projections'
import { EXIT } from '../exit-code.ts'
import { describeProgress, projectionsCommand } from '../projections-command.ts'

const args = {
  domain: { type: 'string', description: 'module that exports the domain, to say whether its code has changed' },
} as const

/** `tidemark projections list` */
export const projectionsListCommand = projectionsCommand({
  name: 'list',
  description: 'Show what is live in each lane, what is being built, and what can be gone back to.',
  args,
  async run({ tools }) {
    const projections = await tools.list()
    const lines = projections.map(describeStatus)
    if (lines.length === 0) lines.push('No projection is live yet: has the app been started on this database?')
    return { exit: EXIT.ok, json: { kind: 'projections', projections }, text: lines.join('\n') }
  },
})

function describeStatus({
  lane,
  projection,
  version,
  checkpoint,
  code,
  pausedBy,
  before,
  build,
}: VersionStatus): string {
  const parts = [`lane ${lane}  ${projection}@${version}  at ${checkpoint}`]
  if (pausedBy !== null) parts.push(`paused by ${pausedBy}`)
  if (code === 'changed') parts.push('its code has changed under this version: verify or rebuild it')
  if (before !== null) parts.push(before === version ? 'the rows before are kept' : `version ${before} is kept`)
  if (build !== null) parts.push(describeProgress(build))
  return parts.join('  ')
}
