/** A process that works on the database it is given, also while that is not there, until it is killed. */
import { openStore } from '@tidemark/store'
import { openProjections } from './open-projections.ts'
import { boxes } from './test-domain.ts'
import { persist } from './test-persist.ts'

export async function work(url: string): Promise<void> {
  // Where the run itself was ended, nobody would end this.
  process.once('disconnect', () => process.exit())
  const store = await persist(() => openStore({ url }))
  const projections = await persist(() =>
    openProjections({ store, domain: boxes, pollMs: 50, snapshots: { everyEvents: 40 } }),
  )
  projections.start()
}
