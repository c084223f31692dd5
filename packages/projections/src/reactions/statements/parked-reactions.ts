import type { Driver } from '@tidemark/store'
import type { ParkedCause } from '../parked-reaction.ts'

export interface ParkedReaction {
  readonly reaction: string
  readonly lane: number
  readonly tenant: string
  readonly stream: string
  readonly position: number
  readonly eventId: string
  readonly type: string
  readonly reason: ParkedCause['reason']
  readonly message: string
  /** Times it was tried; 0 for one that only waits. */
  readonly attempts: number
  readonly parkedAt: string
  /** What a person asked for and the worker has not done yet. */
  readonly wish: 'retry' | 'skip' | null
}

export interface ParkedStream {
  readonly tenant: string
  readonly stream: string
}

/** Which of these streams have parked events. */
export async function parkedAmong(
  sql: Driver,
  input: { reaction: string; lane: number; streams: readonly ParkedStream[] },
): Promise<readonly ParkedStream[]> {
  // Neither tenants nor stream ids hold a newline.
  return sql.query<ParkedStream>(
    `select distinct p.tenant, p.stream from tidemark.parked_reactions p
       join unnest(string_to_array($3, E'\\n'), string_to_array($4, E'\\n')) as s (tenant, stream)
         on p.tenant = s.tenant and p.stream = s.stream
      where p.reaction = $1 and p.lane = $2`,
    [
      input.reaction,
      input.lane,
      input.streams.map(({ tenant }) => tenant).join('\n'),
      input.streams.map(({ stream }) => stream).join('\n'),
    ],
  )
}

/** Streams whose first parked event is to be tried or skipped, or only waits for one that is parked no more. */
export async function dueStreams(
  sql: Driver,
  input: { reaction: string; lane: number },
): Promise<readonly ParkedStream[]> {
  return sql.query<ParkedStream>(
    `select tenant, stream
       from (select distinct on (tenant, stream) tenant, stream, reason, wish from tidemark.parked_reactions
              where reaction = $1 and lane = $2 order by tenant, stream, position) as first
      where wish is not null or reason = 'behind' limit 100`,
    [input.reaction, input.lane],
  )
}

const COLUMNS = `reaction, lane, tenant, stream, position, event_id as "eventId", type, reason, message, attempts,
                 parked_at as "parkedAt", wish`

/** A stream's parked events, in order. */
export async function parkedOfStream(
  sql: Driver,
  input: ParkedStream & { reaction: string; lane: number; limit: number },
): Promise<readonly ParkedReaction[]> {
  return sql.query<ParkedReaction>(
    `select ${COLUMNS} from tidemark.parked_reactions
      where reaction = $1 and lane = $2 and tenant = $3 and stream = $4 order by position limit $5`,
    [input.reaction, input.lane, input.tenant, input.stream, input.limit],
  )
}

export interface ParkedReactionFilter {
  readonly reaction?: string
  readonly tenant?: string
  readonly stream?: string
}

/** Parked events in log order of each lane, from the oldest. */
export async function listParkedReactions(
  sql: Driver,
  input: ParkedReactionFilter & { limit: number },
): Promise<readonly ParkedReaction[]> {
  return sql.query<ParkedReaction>(
    `select ${COLUMNS} from tidemark.parked_reactions
      where ($1::text is null or reaction = $1) and ($2::text is null or tenant = $2) and ($3::text is null or stream = $3)
      order by lane, position, reaction limit $4`,
    [input.reaction ?? null, input.tenant ?? null, input.stream ?? null, input.limit],
  )
}

/** Notes what is to be done with all of a stream's parked events, or the one at `position`; returns how many there are. */
export async function decideParked(
  sql: Driver,
  input: ParkedStream & {
    reaction: string
    position: number | null
    wish: 'retry' | 'skip'
    principal: string
    note: string | null
  },
): Promise<number> {
  const { reaction, tenant, stream, position, wish, principal, note } = input
  const [row] = await sql.query<{ count: number }>(
    'select tidemark.decide_parked_reaction($1, $2, $3, $4, $5, $6, $7) as count',
    [reaction, tenant, stream, position, wish, principal, note],
  )
  return row?.count ?? 0
}

export interface ReactionDecision {
  readonly at: string
  readonly principal: string
  readonly wish: 'retry' | 'skip'
  readonly reaction: string
  readonly tenant: string
  readonly stream: string
  /** `null`: all that were parked of the stream. */
  readonly position: number | null
  readonly note: string | null
}

/** Who decided what, the newest first. */
export async function readDecisions(sql: Driver, input: { limit: number }): Promise<readonly ReactionDecision[]> {
  return sql.query<ReactionDecision>(
    `select at, principal, wish, reaction, tenant, stream, position, note from tidemark.reaction_decisions
      order by id desc limit $1`,
    [input.limit],
  )
}
