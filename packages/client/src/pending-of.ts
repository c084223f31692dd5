import type { StreamId } from '@tidemark/core'
import type { Tables } from './database.ts'
import type { PendingRecord } from './records.ts'

/** Pending commands of a stream in order, in the caller's transaction. */
export function pendingOf(tables: Pick<Tables, 'pending'>, stream: StreamId): Promise<PendingRecord[]> {
  return tables.pending.where('[stream+seq]').between([stream, -Infinity], [stream, Infinity]).toArray()
}
