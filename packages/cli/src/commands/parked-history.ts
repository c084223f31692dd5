import type { ParkedDecided } from '@tidemark/projections'
import { EXIT } from '../exit-code.ts'
import { parkedCommand } from '../parked-command.ts'
import { toCount } from '../store-command.ts'

const args = {
  tenant: { type: 'string', description: 'of this tenant' },
  limit: { type: 'string', default: '100', description: 'at most so many' },
} as const

/** `tidemark parked history` */
export const parkedHistoryCommand = parkedCommand({
  name: 'history',
  description: 'Show who decided what about parked events, the newest first.',
  args,
  async run({ args: { tenant, limit }, parked }) {
    const decided = await parked.history(tenant === undefined ? {} : { tenant }, { limit: toCount('limit', limit, 1) })
    const text = decided.length === 0 ? 'Nobody has decided anything.' : decided.map(describeDecided).join('\n')
    return { exit: EXIT.ok, json: { kind: 'history', decided }, text }
  },
})

function describeDecided(decided: ParkedDecided): string {
  const { at, principal, action, tenant, settled, skipped, remaining, note, unit, edit } = decided
  const counts = [`${settled} settled`, ...(skipped > 0 ? [`${skipped} skipped`] : []), `${remaining} stayed`].join(
    ', ',
  )
  const edited =
    edit === undefined ? '' : `  #${edit.position} for ${edit.projection} says ${JSON.stringify(edit.data)}`
  const about = unit === undefined ? '' : `  ${unit.projection}  ${unit.key}`
  return `${at}  ${principal}  ${action}  ${tenant}${about}  ${counts}${edited}${note === undefined ? '' : `  "${note}"`}`
}
