import type { Domain, EventStore } from '@tidemark/core'
import { DatabaseError, type Driver } from '@tidemark/store'
import { applyEdits } from '../apply-edits.ts'
import type { ParkedEvent } from '../fold-batch.ts'
import { interpretEvents, messageOf, type Block } from '../interpret-events.ts'
import { toProjectionSet } from '../registered-projection.ts'
import type { RunGuarded } from '../run-guarded.ts'
import type { CommitAnswer } from '../statements/commit-batch.ts'
import { planStatements, streamKey, toReadable } from './plan-statements.ts'
import type { SqlProjection } from './sql-projection.ts'
import { commitStatements } from './statements/commit-statements.ts'
import { readHeld } from './statements/held-streams.ts'

/** A SQL projection with the id its version has in the catalogue. */
export interface RegisteredSql {
  readonly id: number
  readonly projection: SqlProjection
}

export interface SqlBatchContext {
  readonly domain: Domain
  readonly store: Pick<EventStore, 'readLane'>
  readonly sql: Driver
  readonly member: RegisteredSql
  /** The app's code runs in here. */
  readonly runGuarded: RunGuarded
}

export type SqlBatchResult =
  /** No event after the checkpoint. */
  | { readonly kind: 'empty' }
  | {
      readonly kind: 'committed'
      readonly to: number
      readonly events: number
      readonly more: boolean
      /** Set aside for what is wrong with themselves. */
      readonly parked: readonly ParkedEvent[]
      /** Times that the app's code did not end and was broken off. */
      readonly hung: number
    }
  /** The first event after the checkpoint cannot be read by this code, and newer code may. Nothing was written. */
  | { readonly kind: 'blocked'; readonly block: Block }
  | { readonly kind: Exclude<CommitAnswer, 'committed'> }

/**
 * Reads the events after a checkpoint, makes their statements and commits them with the checkpoint. Where the code does
 * not end, or the database refuses what an event says, the batch is halved until that event stands alone, and is parked. A throw means an outage
 * or a bug and leaves either all of the batch or nothing behind; which one it was, the checkpoint tells.
 */
export async function runSqlBatch(
  context: SqlBatchContext,
  request: { readonly lane: number; readonly from: number; readonly limit: number; readonly fence: number },
): Promise<SqlBatchResult> {
  const { domain, store, sql, member, runGuarded } = context
  const { lane, from, fence } = request
  const set = toProjectionSet([{ id: member.id, projection: toReadable(member.projection) }])
  const refused = new Map<number, string>()
  let { limit } = request
  let hung = 0
  for (;;) {
    const events = await store.readLane({ lane, after: from, limit })
    if (events.length === 0) return { kind: 'empty' }
    const read = runGuarded(() => interpretEvents(domain, set, events))
    if (read.kind === 'failed') {
      if (limit === 1 || !read.hung) throw new Error(`Events could not be read: ${read.message}`)
      hung += 1
      limit = Math.ceil(Math.min(limit, events.length) / 2)
      continue
    }
    const { touches, last, block } = read.value
    if (last === undefined) {
      if (block === undefined) throw new Error('A batch of events came to nothing and gave no reason.')
      return { kind: 'blocked', block }
    }
    const streams = new Map(
      touches.map(({ stored }) => [
        streamKey(stored.tenant, stored.stream),
        { tenant: stored.tenant, stream: stored.stream },
      ]),
    )
    const held = await readHeld(sql, {
      projection: member.id,
      name: set.members[0]?.projection.name ?? '',
      streams: [...streams.values()],
      range: { lane, after: from, to: last.position },
    })
    const planned = runGuarded(() =>
      planStatements(member.projection, applyEdits(domain, set, events, touches, held.edits), { ...held, refused }),
    )
    if (planned.kind === 'failed') {
      const [only] = touches
      if (!planned.hung || only === undefined) throw new Error(`Statements could not be made: ${planned.message}`)
      hung += 1
      if (touches.length === 1) refused.set(only.stored.position, `apply hung: ${planned.message}`)
      else limit = Math.ceil(Math.min(limit, events.length) / 2)
      continue
    }
    const plan = planned.value
    try {
      const { position: to, id: eventId } = last
      const kind = await commitStatements(sql, {
        projection: member.id,
        lane,
        from,
        to,
        eventId,
        fence,
        plan,
        revision: held.revision,
      })
      if (kind !== 'committed') return { kind }
      const parked = plan.parked.filter((event) => event.reason !== 'behind')
      return { kind, to, events: events.indexOf(last) + 1, more: events.length >= limit, parked, hung }
    } catch (error) {
      if (!isRefusal(error)) throw error
      const [only] = plan.applied
      if (plan.applied.length === 1 && only !== undefined) {
        refused.set(only.position, `the database refused what it writes: ${messageOf(error)}`)
      } else if (limit > 1) limit = Math.ceil(Math.min(limit, events.length) / 2)
      else throw error
    }
  }
}

/**
 * Whether the values are at fault: bad data (class 22), a violated constraint (23), an exception raised by the tables'
 * own triggers (P0). Whatever else is refused, a missing table or a mistake in a statement, would befall every event: then
 * the projection stands still and says so, rather than park the world.
 */
export function isRefusal(error: unknown): boolean {
  return error instanceof DatabaseError && error.kind === 'rejected' && /^(22|23|P0)/.test(error.code)
}
