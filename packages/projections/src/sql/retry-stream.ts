import type { Json, StoredEvent } from '@tidemark/core'
import { editEvent } from '../apply-edits.ts'
import { interpretEvents, messageOf } from '../interpret-events.ts'
import type { ParkedReason } from '../park-reason.ts'
import { toProjectionSet } from '../registered-projection.ts'
import { encodeStatements, planStatements, toReadable } from './plan-statements.ts'
import { isRefusal, type SqlBatchContext } from './run-sql-batch.ts'
import { noteFailedRetry, readParkedOf } from './statements/parked-events.ts'

/** What became of a stream's parked events. */
export type SqlRetry =
  | { readonly kind: 'done'; readonly settled: number }
  /** The first that is left fails still; those before it were made good. */
  | { readonly kind: 'failed'; readonly settled: number; readonly position: number; readonly message: string }

/** What an event is to say to the projection from now on, if it can be applied then. */
export interface SqlEdit {
  readonly position: number
  readonly schema: number
  readonly data: Json
  readonly principal: string
}

/** Most parked events made good in one call of the database. */
const AT_ONCE = 200

/**
 * Applies a stream's parked events, in order, as many as can be applied. The tables then hold what they would hold had
 * nothing ever been parked, since streams do not depend on each other.
 *
 * @throws DatabaseError
 */
export async function retryStream(
  context: SqlBatchContext,
  at: { readonly tenant: string; readonly lane: number; readonly stream: string },
  edit?: SqlEdit,
): Promise<SqlRetry> {
  const { domain, store, sql, member, runGuarded } = context
  const set = toProjectionSet([{ id: member.id, projection: toReadable(member.projection) }])
  let settled = 0
  let most = AT_ONCE
  for (;;) {
    const parked = await readParkedOf(sql, { projection: member.id, tenant: at.tenant, stream: at.stream, limit: most })
    const [first] = parked
    if (first === undefined) return { kind: 'done', settled }
    const failed = async (reason: ParkedReason, message: string): Promise<SqlRetry> => {
      const { position } = first
      await noteFailedRetry(sql, {
        projection: member.id,
        tenant: at.tenant,
        stream: at.stream,
        position,
        reason,
        message,
      })
      return { kind: 'failed', settled, position, message }
    }
    const events: StoredEvent[] = []
    for (const { position, id, edit: earlier } of parked) {
      const [event] = await store.readLane({ lane: at.lane, after: position - 1, limit: 1 })
      if (event?.id !== id) break
      const said = edit?.position === position ? edit : earlier
      events.push(said === null ? event : editEvent(event, said))
    }
    if (events.length === 0) return failed('not-in-log', 'The log does not hold this event at its position any more.')
    const made = runGuarded(() => {
      const { touches, last, block } = interpretEvents(domain, set, events)
      const nothing = {
        parkedStreams: new Set<string>(),
        skipped: new Set<number>(),
        refused: new Map<number, string>(),
      }
      return { last, block, plan: planStatements(member.projection, touches, nothing) }
    })
    if (made.kind === 'failed') {
      if (most === 1) return failed('failed', made.message)
      most = Math.ceil(Math.min(most, events.length) / 2)
      continue
    }
    const { last, block, plan } = made.value
    if (last === undefined) {
      if (block === undefined) throw new Error('A parked event came to nothing and gave no reason.')
      return failed(block.reason, block.detail)
    }
    const stays = plan.parked[0]
    if (stays?.position === first.position) return failed(stays.reason, stays.error?.message ?? 'It fails still.')
    const tried = events.filter(
      ({ position }) => position <= last.position && (stays === undefined || position < stays.position),
    )
    const { texts, runs } = encodeStatements(plan.statements)
    const kept = tried.find(({ position }) => position === edit?.position)
    const keeps = kept && edit ? JSON.stringify({ ...edit, event_id: kept.id }) : null
    try {
      const [answer] = await sql.query<{ answer: 'done' | 'moved' }>(
        'select tidemark.retry_statements($1, $2, $3, $4, $5, $6, $7, $8::jsonb) as answer',
        [
          member.id,
          at.lane,
          at.tenant,
          at.stream,
          `{${tried.map((one) => one.position).join(',')}}`,
          texts,
          runs,
          keeps,
        ],
      )
      if (answer?.answer === 'done') settled += tried.length
    } catch (error) {
      if (!isRefusal(error)) throw error
      if (most === 1) return failed('failed', `The database refused what it writes: ${messageOf(error)}`)
      most = Math.ceil(Math.min(most, tried.length) / 2)
    }
  }
}
