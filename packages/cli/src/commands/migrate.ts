import { migrateProjections } from '@tidemark/projections'
import { migrateStore } from '@tidemark/store'
import { EXIT } from '../exit-code.ts'
import type { StoreCommand } from '../store-command.ts'

/** `tidemark store migrate` */
export const migrateCommand: StoreCommand<Record<never, never>> = {
  name: 'migrate',
  description: 'Bring the schema of the event store and of the projection engine up to date.',
  args: {},
  migrates: true,
  async run({ store }) {
    const sql = store.sql()
    const applied = [
      ...(await migrateStore(sql)),
      ...(await migrateProjections(sql)).map((name) => `projections/${name}`),
    ]
    const text = applied.length === 0 ? 'The schema is up to date.' : `Applied ${applied.join(', ')}.`
    return { exit: EXIT.ok, json: { kind: 'migrated', applied }, text }
  },
}
