import type { Driver } from '@tidemark/store'
import type { EventEdit } from '../apply-edits.ts'
import type { ParkedAction } from '../control-event.ts'
import type { ParkedEvent } from '../fold-batch.ts'
import { list, toParameters, toParkedRow, type CommitAnswer, type CommitInput } from './commit-batch.ts'

/** What became of a control event, for whoever appended it. */
export interface ActionRecord {
  readonly action: ParkedAction
  readonly principal: string
  readonly settled: number
  readonly skipped: number
  readonly remaining: number
  readonly more: boolean
  readonly note?: string
}

export interface SettleInput extends CommitInput {
  readonly tenant: string
  /** Keys that the control event names: their rows and tombstones are stamped with `to`. */
  readonly named: readonly { readonly projection: number; readonly key: string }[]
  readonly tried: readonly ParkedEvent[]
  readonly kept: readonly (ParkedEvent & { readonly parkedAt: string })[]
  readonly skipped: readonly {
    readonly position: number
    readonly eventId: string
    readonly projectionName: string
    readonly key: string
  }[]
  /** Edits of events that have come to be folded with them. */
  readonly edited: readonly (EventEdit & { readonly eventId: string; readonly key: string })[]
  readonly record: ActionRecord
}

/** Writes a control event's batch: see the SQL function. */
export async function settleParked(sql: Driver, input: SettleInput): Promise<CommitAnswer> {
  const parameters = [
    ...toParameters(input),
    JSON.stringify(input.kept.map(({ parkedAt, ...event }) => ({ ...toParkedRow(event), parked_at: parkedAt }))),
    JSON.stringify(
      input.tried.map(({ projection, tenant, by, key, position }) => ({ projection, tenant, by, key, position })),
    ),
    JSON.stringify([
      ...input.skipped.map(({ position, eventId, projectionName, key }) => ({
        position,
        event_id: eventId,
        projection_name: projectionName,
        key,
      })),
      ...input.edited.map(({ position, eventId, projection, key, schema, data }) => ({
        position,
        event_id: eventId,
        projection_name: projection,
        key,
        edited: true,
        schema,
        data,
      })),
    ]),
    JSON.stringify(input.record),
    input.tenant,
    list(input.named.map((named) => named.projection)),
    input.named.map((named) => named.key).join('\n'),
  ]
  const [answer] = await sql.query<{ answer: CommitAnswer }>(
    `select tidemark.settle_parked(${parameters.map((_, index) => `$${index + 1}`).join(', ')}) as answer`,
    parameters,
  )
  if (answer === undefined) throw new Error('tidemark.settle_parked returned no row.')
  return answer.answer
}
