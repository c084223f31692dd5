import type { Domain } from '@tidemark/core'
import { indexKeysOf } from './index-keys.ts'
import type { Database } from './database.ts'

/**
 * Gives stored rows the index entries that the domain declares today. Rows carry their entries with them, so an index
 * that a new release adds, changes or drops is made here, at the first start of that release, and needs no network.
 */
export async function reindexRows(domain: Domain, database: Database): Promise<void> {
  const declared = Object.fromEntries(domain.projections.map((each) => [each.name, JSON.stringify(each.indexes)]))
  const fingerprint = JSON.stringify(declared)
  const { value: known } = await database.read([], async (tables) => (await tables.meta.get('indexes'))?.value)
  if (known === fingerprint) return
  await database.write('relaxed', ['rows'], async (write) => {
    const before = JSON.parse(String(known ?? '{}')) as Record<string, string>
    for (const projection of domain.projections) {
      if (before[projection.name] === declared[projection.name]) continue
      await write.rows
        .where('[projection+key]')
        .between([projection.name], [projection.name, []])
        .modify((record, change) => {
          change.value = { ...record, ix: indexKeysOf(projection, record.key, record.row) }
        })
    }
    await write.meta.put({ name: 'indexes', value: fingerprint })
    write.rowsChanged()
  })
}
