import type { Driver } from '@tidemark/store'
import type { ParkedCause } from '../parked-reaction.ts'

export interface ReactionCommit {
  readonly reaction: string
  readonly lane: number
  readonly from: number
  readonly to: number
  /** Id of the last event at or below `to` that was looked at, where one was. */
  readonly eventId: string | null
  readonly fence: number
  readonly parked: readonly ToPark[]
  /** Positions that are parked no more. */
  readonly settled: readonly number[]
}

/** An event to be set aside. */
export interface ToPark {
  readonly tenant: string
  readonly stream: string
  readonly position: number
  readonly eventId: string
  readonly type: string
  readonly cause: ParkedCause
}

/** Moves the checkpoint with what was parked and settled, or nothing; see the SQL function. */
export async function commitReaction(sql: Driver, input: ReactionCommit): Promise<'committed' | 'fenced' | 'stale'> {
  const parked = input.parked.map(({ eventId, cause, ...rest }) => ({ ...rest, event_id: eventId, ...cause }))
  const [row] = await sql.query<{ answer: 'committed' | 'fenced' | 'stale' }>(
    'select tidemark.commit_reaction($1, $2, $3, $4, $5, $6, $7, $8) as answer',
    [
      input.reaction,
      input.lane,
      input.from,
      input.to,
      input.eventId,
      input.fence,
      JSON.stringify(parked),
      `{${input.settled.join(',')}}`,
    ],
  )
  if (row === undefined) throw new Error('tidemark.commit_reaction returned no row.')
  return row.answer
}
