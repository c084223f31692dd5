import { createAggregateLoader, createSnapshots, resnapshot, type SnapshotProblem } from '@tidemark/store'
import { EXIT } from '../exit-code.ts'
import { loadDomain } from '../load-domain.ts'
import { toCount, type StoreCommand } from '../store-command.ts'

const args = {
  domain: { type: 'string', description: 'module that exports the domain; default: TIDEMARK_DOMAIN' },
  tenant: { type: 'string', description: 'only streams of this tenant' },
  stream: { type: 'string', description: 'only streams whose id starts so, for example order/' },
  'min-events': { type: 'string', default: '200', description: 'streams with so many events beyond their snapshot' },
} as const

/** `tidemark store snapshot` */
export const snapshotCommand: StoreCommand<typeof args> = {
  name: 'snapshot',
  description: 'Store snapshots of streams that lack one or have outgrown it.',
  args,
  async run({ args: given, store, io, progress }) {
    const minEvents = toCount('min-events', given['min-events'], 1)
    const domain = await loadDomain(io, given.domain)
    const problems: SnapshotProblem[] = []
    const snapshots = createSnapshots(store.sql())
    const loader = createAggregateLoader({ store, domain, snapshots, onProblem: (problem) => problems.push(problem) })
    const { kind, scanned, taken, failed } = await resnapshot({
      sql: store.sql(),
      domain,
      loader,
      minEvents,
      signal: io.signal,
      onProgress: (at) => progress.show(`${at.scanned} streams seen, ${at.taken} snapshots stored: ${at.stream}`),
      ...(given.tenant === undefined ? {} : { tenant: given.tenant }),
      ...(given.stream === undefined ? {} : { prefix: given.stream }),
    })
    for (const { tenant, stream, cause } of problems) io.err(`${tenant} ${stream}: ${String(cause)}\n`)
    const unread = failed === 0 ? '' : ` ${failed} streams could not be read by this domain, or their state not stored.`
    const text = `${taken} snapshots stored, of ${scanned} streams.${unread}`
    if (kind === 'cancelled') return { exit: EXIT.cancelled, json: { kind, scanned, taken, failed }, text }
    return { exit: failed === 0 ? EXIT.ok : EXIT.found, json: { kind: 'snapshots', scanned, taken, failed }, text }
  },
}
