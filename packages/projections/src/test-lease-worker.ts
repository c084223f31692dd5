/** A process that works on the database it is given, until it is killed. */
import { openStore } from '@tidemark/store'
import { openProjections } from './open-projections.ts'
import { boxes } from './test-domain.ts'

export async function work(url: string): Promise<void> {
  const store = await openStore({ url })
  const projections = await openProjections({ store, domain: boxes })
  projections.start()
}
