import type { SqlStatus, VersionStatus } from '@tidemark/projections'
import { EXIT } from '../exit-code.ts'
import { describeProgress, projectionsCommand } from '../projections-command.ts'

const args = {
  domain: { type: 'string', description: 'module that exports the domain, to say whether its code has changed' },
} as const

/** `tidemark projections list` */
export const projectionsListCommand = projectionsCommand({
  name: 'list',
  description:
    'Show what is live in each lane, what is being built, what can be gone back to, and how SQL projections stand.',
  args,
  async run({ tools, sqlTools }) {
    const [folds, sqls] = [await tools.list(), await sqlTools.list()]
    const lines = [...folds.map(describeStatus), ...sqls.map(describeSql)]
    const projections = [
      ...folds.map((status) => ({ kind: 'fold', ...status })),
      ...sqls.map((status) => ({ kind: 'sql', ...status })),
    ]
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

function describeSql(status: SqlStatus): string {
  const { lane, projection, version, state, checkpoint, events, seconds, parked, code, worked, pausedBy, trouble } =
    status
  const parts = [`lane ${lane}  ${projection}@${version}  at ${checkpoint}`]
  if (state === 'building') parts.push('is being built')
  if (events > 0) parts.push(`${events} events, ${seconds.toFixed(1)} s behind`)
  if (parked > 0) parts.push(`${parked} parked`)
  if (pausedBy !== null) parts.push(`paused by ${pausedBy}`)
  else if (!worked) parts.push('no process works on it')
  if (code === 'changed') parts.push('its code has changed under this version: raise the version, or accept it')
  if (trouble !== null) parts.push(`${trouble.kind} since ${trouble.since}: ${trouble.message}`)
  return parts.join('  ')
}
