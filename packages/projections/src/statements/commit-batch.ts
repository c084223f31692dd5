import type { Driver, QueryParameter } from '@tidemark/store'
import type { BatchWrites, ParkedEvent } from '../fold-batch.ts'

/** See the SQL function: anything but `committed` wrote nothing. */
export type CommitAnswer = 'committed' | 'stale' | 'fenced' | 'registry'

export interface CommitInput {
  readonly consumer: string
  readonly lane: number
  readonly from: number
  readonly to: number
  readonly eventId: string
  readonly fence: number
  readonly covered: readonly number[]
  readonly writes: BatchWrites
}

/**
 * Writes a batch and moves the checkpoint from `from` to `to`, in one call, which does not wait for the disk: rows are made
 * of events that are on it. A crash of the database takes back whole batches, the newest, and they are folded again. The
 * setting ends with the call.
 */
export async function commitBatch(sql: Driver, input: CommitInput): Promise<CommitAnswer> {
  const [answer] = await sql.query<{ answer: CommitAnswer }>(
    `select tidemark.commit_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
                                  $20, $21, $22, $23, $24, $25, $26, $27, $28, $29) as answer
       from set_config('synchronous_commit', 'off', true) as unflushed`,
    [...toParameters(input), JSON.stringify(input.writes.parked.map(toParkedRow))],
  )
  if (answer === undefined) throw new Error('tidemark.commit_batch returned no row.')
  return answer.answer
}

/** The parameters of a batch in the order of the SQL function's, all but the parked events. */
export function toParameters(input: CommitInput): readonly QueryParameter[] {
  const { rows, gone, tombstones, lifted } = input.writes
  return [
    input.consumer,
    input.lane,
    input.from,
    input.to,
    input.eventId,
    input.fence,
    list(input.covered),
    list(rows.map((row) => row.projection)),
    rows.map((row) => row.tenant).join('\n'),
    rows.map((row) => row.key).join('\n'),
    rows.map((row) => row.scope).join('\n'),
    rows.map((row) => row.text).join('\n'),
    list(rows.map((row) => row.position)),
    list(rows.map((row) => row.changed)),
    list(rows.map((row) => row.stale)),
    list(gone.map((row) => row.projection)),
    gone.map((row) => row.tenant).join('\n'),
    gone.map((row) => row.key).join('\n'),
    list(tombstones.map((tombstone) => tombstone.projection)),
    tombstones.map((tombstone) => tombstone.tenant).join('\n'),
    tombstones.map((tombstone) => tombstone.scope).join('\n'),
    tombstones.map((tombstone) => tombstone.key).join('\n'),
    list(tombstones.map((tombstone) => tombstone.position)),
    list(tombstones.map((tombstone) => tombstone.changed)),
    list(lifted.map((tombstone) => tombstone.projection)),
    lifted.map((tombstone) => tombstone.tenant).join('\n'),
    lifted.map((tombstone) => tombstone.scope).join('\n'),
    lifted.map((tombstone) => tombstone.key).join('\n'),
  ]
}

/** A parked event as the SQL functions take it. */
export function toParkedRow({ eventId, error, ...event }: ParkedEvent): object {
  return { ...event, event_id: eventId, error: toStorable(error) }
}

export function list(values: readonly (number | boolean)[]): string {
  return `{${values.join(',')}}`
}

// oxlint-disable-next-line no-control-regex -- NUL is what is looked for
const UNSTORABLE = /\u0000|\p{Surrogate}/gu

/** Messages come from app code: what `jsonb` cannot hold must not keep a failure from being stored. */
export function toStorable(error: { readonly message: string } | null): { readonly message: string } | null {
  return error && { message: error.message.slice(0, 4000).replace(UNSTORABLE, '\uFFFD') }
}
