import type { Driver } from './driver.ts'

/**
 * Says that the log's history is another one from here on, where the store cannot see it by itself: rows were copied back
 * into tables that stayed, or a disk was set back in time below a running system. Every device then fetches its lists anew,
 * and offers again the commands it has kept; none is carried out twice that the log still has. Running servers notice within
 * seconds. `sql` is connected as the schema's owner.
 *
 * @param note Why, for whoever looks at `tidemark.log` later.
 * @throws DatabaseError
 */
export async function startNewEpoch(
  sql: Driver,
  note: string,
): Promise<{ readonly epoch: string; readonly previous: string }> {
  const [row] = await sql.query<{ epoch: string; previous: string }>(
    'select epoch, previous from tidemark.start_new_epoch($1)',
    [note],
  )
  if (row === undefined) throw new Error('tidemark.start_new_epoch returned no row.')
  return row
}
