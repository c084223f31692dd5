import { startNewEpoch } from '@tidemark/store'
import { EXIT } from '../exit-code.ts'
import type { StoreCommand } from '../store-command.ts'

const args = {
  reason: { type: 'string', required: true, description: 'why, for whoever looks later' },
} as const

/** `tidemark store new-epoch --reason TEXT` */
export const newEpochCommand: StoreCommand<typeof args> = {
  name: 'new-epoch',
  description:
    'Say that the log was put back to an earlier state where nothing shows it: rows copied back into tables that stayed, or a disk set back in time. A dump that was restored and a promoted replica are noticed without this. Every device then fetches its lists anew and offers again what it has kept.',
  args,
  async run({ args: { reason }, store }) {
    const { epoch, previous } = await startNewEpoch(store.sql(), reason)
    const text =
      `The log has a new epoch, ${epoch}, instead of ${previous}. Running servers notice within seconds; devices fetch their ` +
      'lists anew and offer again the commands they have kept.'
    return { exit: EXIT.ok, json: { kind: 'new-epoch', epoch, previous }, text }
  },
}
