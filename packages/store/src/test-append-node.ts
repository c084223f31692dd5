/** A node of its own that never stops appending, until it is killed or frozen. */
import { newAppend, newCommand } from '@tidemark/testing/event-store-contract'
import { openStore } from './open-store.ts'

export async function work(url: string): Promise<void> {
  const store = await openStore({ url, applicationName: 'node', migrate: false, hints: false })
  for (;;) await store.append(newAppend({ tenant: 'slow', command: newCommand() }))
}
