import { archiveStreams } from '@tidemark/store'
import { EXIT } from '../exit-code.ts'
import { toCount, type StoreCommand } from '../store-command.ts'

const args = {
  tenant: { type: 'string', description: 'only streams of this tenant' },
  stream: { type: 'string', description: 'only streams whose id starts so, for example order/' },
  keep: { type: 'string', default: '100', description: 'events below the snapshot that stay in the table' },
  'min-events': { type: 'string', default: '1000', description: 'streams with so many events to archive' },
} as const

/** `tidemark store archive` */
export const archiveCommand: StoreCommand<typeof args> = {
  name: 'archive',
  description: 'Move events below the snapshots of long streams into compressed files.',
  args,
  async run({ args: given, store, storage, io, progress }) {
    const { kind, events, files, bytes } = await archiveStreams({
      sql: store.sql(),
      storage,
      keep: toCount('keep', given.keep),
      minEvents: toCount('min-events', given['min-events'], 1),
      signal: io.signal,
      onProgress: (at) => progress.show(`${at.events} events in ${at.files} files: ${at.stream}`),
      ...(given.tenant === undefined ? {} : { tenant: given.tenant }),
      ...(given.stream === undefined ? {} : { prefix: given.stream }),
    })
    const text = `${events} events archived in ${files} files, ${bytes} bytes.`
    if (kind === 'cancelled') return { exit: EXIT.cancelled, json: { kind, events, files, bytes }, text }
    return { exit: EXIT.ok, json: { kind: 'archived', events, files, bytes }, text }
  },
}
