import type { ProjectionSnapshot } from '@tidemark/projections'
import { EXIT } from '../exit-code.ts'
import { BUILD_ARGS, projectionsCommand, TARGET_ARGS, toTarget } from '../projections-command.ts'
import type { Outcome } from '../store-command.ts'

const args = {
  projection: { type: 'positional', required: false, description: 'only those of this projection; needed with --take' },
  lane: TARGET_ARGS.lane,
  take: { type: 'boolean', default: false, description: 'take one now, in this process; needs --domain' },
  domain: BUILD_ARGS.domain,
} as const

/** `tidemark projections snapshots [PROJECTION]` */
export const projectionsSnapshotsCommand = projectionsCommand({
  name: 'snapshots',
  description: 'Show the snapshots of rows that rebuilds begin from, or take one.',
  args,
  async run({ args: { projection, lane, take }, tools }): Promise<Outcome> {
    if (take) {
      if (projection === undefined)
        return refuse('Which projection? Name it: tidemark projections snapshots NAME --take')
      const taken = await tools.takeSnapshot(toTarget({ projection, lane }))
      if (taken.length === 0) return refuse('No such projection is live there: `tidemark projections list` shows them.')
      const failed = taken.filter(({ kind }) => kind !== 'taken')
      if (failed.length > 0) {
        return refuse(
          `Not taken in ${failed.map((one) => `lane ${one.lane} (${one.kind})`).join(', ')}. not-now: this process does not have ` +
            'the code that the rows were folded with (--domain), or there are no events; disturbed: the rows were switched, or ' +
            'somebody decided about parked events meanwhile, so take it again.',
        )
      }
    }
    const only = lane === undefined ? undefined : toTarget({ projection: '', lane }).lane
    const snapshots = (await tools.snapshots()).filter(
      (at) => (projection === undefined || at.projection === projection) && (only === undefined || at.lane === only),
    )
    const lines = snapshots.map(describeSnapshot)
    if (lines.length === 0) lines.push('There are none: rebuilds begin with the first event.')
    return { exit: EXIT.ok, json: { kind: 'snapshots', snapshots }, text: lines.join('\n') }
  },
})

function refuse(text: string): Outcome {
  return { exit: EXIT.found, json: { kind: 'refused', detail: text }, text }
}

const STATES: Readonly<Record<ProjectionSnapshot['state'], string>> = {
  taking: 'being taken, or left unfinished',
  ready: 'ready',
  damaged: 'damaged: it is not what was stored, and not begun from',
  outdated: 'outdated: the log has another epoch, or an event in it was skipped or edited since',
}

function describeSnapshot({ lane, projection, version, position, rows, at, state }: ProjectionSnapshot): string {
  return `lane ${lane}  ${projection}@${version}  at ${position}  ${rows} rows  ${at}  ${STATES[state]}`
}
