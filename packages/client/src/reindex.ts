import type { Domain } from '@tidemark/core'
import { indexKeysOf } from './index-keys.ts'
import type { Database } from './database.ts'
import type { RowRecord } from './records.ts'
import { codeOf, foldEverything } from './refold.ts'

/**
 * Makes stored rows fit for the domain of today, at the first start of a release and without a network. They get the
 * index entries that are declared now, for rows carry them along. Rows of a projection that has another version now
 * stay until the server's new ones take their place, but only those that have the shape that the code expects.
 */
export async function reindexRows(domain: Domain, database: Database): Promise<void> {
  const declared = Object.fromEntries(
    domain.projections.map(({ name, version, indexes }) => [name, JSON.stringify([version, indexes])]),
  )
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
        .modify((record, change: { value?: RowRecord }) => {
          if (projection.isRow(record.row)) {
            change.value = { ...record, ix: indexKeysOf(projection, record.key, record.row) }
          } else {
            delete change.value
          }
        })
    }
    await write.meta.put({ name: 'indexes', value: fingerprint })
    write.rowsChanged()
  })
}

/**
 * Folds the overlay anew where it is not what today's code makes of pending commands: there was none yet, another release
 * has folded it, or two of them side by side.
 */
export async function refoldFormer(domain: Domain, database: Database): Promise<void> {
  const isOurs = (foldedBy: string | null): boolean => foldedBy === codeOf(domain)
  const { value: known } = await database.read([], async (tables) => (await tables.meta.get('overlay'))?.value)
  if (isOurs(String(known ?? ''))) return
  await database.write('relaxed', ['rows', 'pending', 'overlay'], async (write) => {
    if (isOurs(write.foldedBy)) return
    await foldEverything(domain, write)
    write.workChanged()
  })
}
