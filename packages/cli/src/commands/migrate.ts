import { migrateStore } from '@tidemark/store'
import { EXIT } from '../exit-code.ts'
import type { StoreCommand } from '../store-command.ts'

/** `tidemark store migrate` */
export const migrateCommand: StoreCommand<Record<never, never>> = {
  name: 'migrate',
  description: 'Bring the schema of the event store up to date.',
  args: {},
  migrates: true,
  async run({ store }) {
    const applied = await migrateStore(store.sql())
    const text = applied.length === 0 ? 'The schema is up to date.' : `Applied ${applied.join(', ')}.`
    return { exit: EXIT.ok, json: { kind: 'migrated', applied }, text }
  },
}
