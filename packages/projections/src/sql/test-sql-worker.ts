/** A process that works on a SQL projection until it is killed. */
import { openStore } from '@tidemark/store'
import { boxes } from '../test-domain.ts'
import { openSqlProjections } from './open-sql-projections.ts'
import { countingItems } from './test-sql.ts'

export async function work(url: string): Promise<void> {
  const store = await openStore({ url, applicationName: 'sql-projector' })
  const projections = [countingItems()]
  const opened = await openSqlProjections({ store, domain: boxes, projections, pollMs: 20, batch: 7 })
  opened.start()
}
