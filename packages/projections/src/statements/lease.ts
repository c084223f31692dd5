import type { Driver } from '@tidemark/store'

export interface LeaseAnswer {
  readonly granted: boolean
  /** Of the holder. */
  readonly fence: number
  readonly holder: string
  readonly expiresInMs: number
}

/** Takes or renews a lease, on the database's clock; see the SQL function. */
export async function takeLease(
  sql: Driver,
  input: { consumer: string; lane: number; holder: string; ttlMs: number },
): Promise<LeaseAnswer> {
  const [answer] = await sql.query<LeaseAnswer>(
    `select granted, fence, holder, expires_in_ms as "expiresInMs" from tidemark.take_lease($1, $2, $3, $4)`,
    [input.consumer, input.lane, input.holder, input.ttlMs],
  )
  if (answer === undefined) throw new Error('tidemark.take_lease returned no row.')
  return answer
}

/** Gives a lease back: the next who asks gets it. */
export async function releaseLease(
  sql: Driver,
  input: { consumer: string; lane: number; holder: string },
): Promise<void> {
  await sql.query(
    `update tidemark.leases set expires_at = clock_timestamp(), holder = ''
      where consumer = $1 and lane = $2 and holder = $3`,
    [input.consumer, input.lane, input.holder],
  )
}
