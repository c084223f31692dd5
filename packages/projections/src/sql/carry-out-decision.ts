import { DatabaseError } from '@tidemark/store'
import { retryStream } from './retry-stream.ts'
import type { SqlBatchContext } from './run-sql-batch.ts'
import { finishDecision, type DueDecision } from './statements/decisions.ts'
import { countParked, noteFailedRetry, readParkedOf, skipSqlParked } from './statements/parked-events.ts'

/**
 * Does what a person decided about a stream's parked events, and notes what became of it. Done again after a crash it
 * changes nothing more, but may count less.
 *
 * @throws DatabaseError
 */
export async function carryOutDecision(context: SqlBatchContext, decision: DueDecision): Promise<void> {
  const { sql, member } = context
  const { id, action, lane, tenant, stream, position, principal, edit } = decision
  const of = { projection: member.id, tenant, stream }
  const before = await countParked(sql, of)
  const skips = action === 'skip' || action === 'discard'
  const skipped = skips
    ? await skipSqlParked(sql, { ...of, lane, principal, position: action === 'skip' ? position : null })
    : 0
  const edited = edit === null || position === null ? undefined : { ...edit, position, principal }
  try {
    await retryStream(context, { tenant, lane, stream }, edited)
  } catch (error) {
    // A statement that is wrong for every event: the decision is answered, or it would be tried for ever.
    if (!(error instanceof DatabaseError) || error.kind !== 'rejected') throw error
    const [first] = await readParkedOf(sql, { ...of, limit: 1 })
    if (first === undefined) throw error
    await noteFailedRetry(sql, { ...of, position: first.position, reason: 'failed', message: error.message })
  }
  const remaining = await countParked(sql, of)
  await finishDecision(sql, { id, settled: Math.max(0, before - remaining), skipped, remaining })
}
