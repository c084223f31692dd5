// A process of its own that works on projections, live and rebuilds, until its standard input ends: as a worker beside a server.
import { openProjections } from '@tidemark/projections'
import { openStore } from '@tidemark/store'
import { lines } from './lines.ts'

const [url = ''] = process.argv.slice(2)
const store = await openStore({ url, migrate: false })
const projections = await openProjections({ store, domain: lines })
projections.start()
process.stdout.write('ready\n')
process.stdin.resume()
process.stdin.once('end', () => void projections.close().then(() => store.close()))
