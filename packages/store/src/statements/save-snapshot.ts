import type { Driver } from '../driver.ts'
import type { NewSnapshot } from '../snapshots.ts'

/** False where a better snapshot is stored already: of newer code, or at a later version. */
export async function saveSnapshot(sql: Driver, input: { snapshot: NewSnapshot; text: string }): Promise<boolean> {
  const { snapshot, text } = input
  const [row] = await sql.query<{ saved: boolean }>('select tidemark.save_snapshot($1, $2, $3, $4, $5, $6) as saved', [
    snapshot.tenant,
    snapshot.stream,
    snapshot.version,
    snapshot.eventId,
    snapshot.schema,
    text,
  ])
  return row?.saved === true
}
