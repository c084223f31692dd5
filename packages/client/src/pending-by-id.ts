import type { Uuid } from '@tidemark/core'
import type { Tables } from './database.ts'
import type { PendingRecord } from './records.ts'

/** Fewer are asked for one by one. */
const WORTH_A_RANGE = 8
/** A range may hold so many times what is asked for. */
const SPARSE = 4

/**
 * Pending commands by id, in the caller's transaction; `undefined` where there is none. Commands of a batch were made
 * one after the other and their ids are ordered by time, so most of a range of ids is what is asked for: one request to
 * storage where a look-up each would be hundreds.
 */
export async function pendingById(
  tables: Pick<Tables, 'pending'>,
  ids: readonly Uuid[],
): Promise<(PendingRecord | undefined)[]> {
  if (ids.length < WORTH_A_RANGE) return await tables.pending.bulkGet([...ids])
  const sorted = ids.toSorted()
  const range = tables.pending.where('id').between(sorted[0], sorted.at(-1), true, true)
  if ((await range.count()) > ids.length * SPARSE) return await tables.pending.bulkGet([...ids])
  const found = new Map((await range.toArray()).map((each) => [each.id, each]))
  return ids.map((id) => found.get(id))
}
