// A process of its own, so that its peak of memory is that of the one backlog: folds what the log of the database holds.
import { openProjections } from '@tidemark/projections'
import { openStore } from '@tidemark/store'
import { lines } from './lines.ts'

const [url = ''] = process.argv.slice(2)
const store = await openStore({ url, migrate: false, hints: false })
const projections = await openProjections({ store, domain: lines })
projections.start()
const reached = await projections.waitFor({ lane: 0, position: await store.head(0) }, 300_000)
await projections.close()
await store.close()
if (reached.kind !== 'reached') throw new Error('The backlog was not worked off within five minutes.')
// Kilobytes.
process.stdout.write(`${process.resourceUsage().maxRSS}\n`)
