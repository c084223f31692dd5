import type { Driver } from '../driver.ts'

/** Removes the snapshot if it still is the one at this version and event. */
export async function discardSnapshot(
  sql: Driver,
  input: { tenant: string; stream: string; version: number; eventId: string },
): Promise<void> {
  await sql.query('select tidemark.discard_snapshot($1, $2, $3, $4)', [
    input.tenant,
    input.stream,
    input.version,
    input.eventId,
  ])
}
