import type { Driver } from '../driver.ts'

/** Whether the stream has events at versions after `after` up to `to`, in the table or archived; one snapshot. */
export async function hasEventsBetween(
  sql: Driver,
  input: { tenant: string; stream: string; after: number; to: number },
): Promise<boolean> {
  const [row] = await sql.query<{ there: boolean }>(
    `select exists (select from tidemark.events
                     where tenant = $1 and stream = $2 and version > $3 and version <= $4)
         or exists (select from tidemark.archived
                     where tenant = $1 and stream = $2 and last_version > $3 and first_version <= $4) as there`,
    [input.tenant, input.stream, input.after, input.to],
  )
  return row?.there === true
}
