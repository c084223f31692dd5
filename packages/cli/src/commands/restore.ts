import { restoreStreams } from '@tidemark/store'
import { EXIT } from '../exit-code.ts'
import type { StoreCommand } from '../store-command.ts'

const args = {
  tenant: { type: 'string', description: 'only streams of this tenant' },
  stream: { type: 'string', description: 'only streams whose id starts so, for example order/' },
} as const

/** `tidemark store restore` */
export const restoreCommand: StoreCommand<typeof args> = {
  name: 'restore',
  description: 'Move archived events back into the table.',
  args,
  async run({ args: given, store, storage, io, progress }) {
    const { kind, events, files } = await restoreStreams({
      sql: store.sql(),
      storage,
      signal: io.signal,
      onProgress: (at) => progress.show(`${at.events} events from ${at.files} files: ${at.stream}`),
      ...(given.tenant === undefined ? {} : { tenant: given.tenant }),
      ...(given.stream === undefined ? {} : { prefix: given.stream }),
    })
    const text = `${events} events restored from ${files} files.`
    if (kind === 'cancelled') return { exit: EXIT.cancelled, json: { kind, events, files }, text }
    return { exit: EXIT.ok, json: { kind: 'restored', events, files }, text }
  },
}
