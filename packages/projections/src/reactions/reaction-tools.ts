import type { PostgresStore } from '@tidemark/store'
import { createAlarm } from '../alarm.ts'
import {
  decideParked,
  listParkedReactions,
  readDecisions,
  type ParkedReaction,
  type ParkedReactionFilter,
  type ReactionDecision,
} from './statements/parked-reactions.ts'
import { readReactionLag, type StoredReactionLag } from './statements/reaction-lane.ts'

/** What became of a retry or a skip. */
export type ReactionParkedAnswer =
  /** `remaining` are parked now: those that failed again, and all behind them. */
  | { readonly kind: 'done'; readonly settled: number; readonly remaining: number }
  /** Nothing is parked there. */
  | { readonly kind: 'nothing' }
  /** It is noted, and no worker has come to it in time; or it stands behind an event that is still parked. */
  | { readonly kind: 'pending' }

export interface ReactionDecider {
  /** Who decides: kept with the decision. */
  readonly principal: string
  /** Why: kept as well. */
  readonly note?: string
  /** How long to wait for a worker. Milliseconds, default 10,000. */
  readonly timeoutMs?: number
}

export interface ParkedReactionStream {
  readonly reaction: string
  readonly tenant: string
  readonly stream: string
}

/** What people do about events that a reaction could not answer. A worker, in whatever process, carries it out within a second. */
export interface ParkedReactionTools {
  /** In log order; at most `limit`, default 100. */
  list(filter?: ParkedReactionFilter, limit?: number): Promise<readonly ParkedReaction[]>
  /** Tries a stream's parked events again, in order, up to the first that fails. */
  retry(place: ParkedReactionStream, by: ReactionDecider): Promise<ReactionParkedAnswer>
  /** Leaves one event unanswered for good, and tries those behind it. */
  skip(place: ParkedReactionStream & { readonly position: number }, by: ReactionDecider): Promise<ReactionParkedAnswer>
  /** Who decided what, the newest first; at most `limit`, default 100. */
  history(limit?: number): Promise<readonly ReactionDecision[]>
}

export interface ReactionTools {
  /** Every reaction that the log has met, in every lane, as far as is stored. */
  lag(): Promise<readonly StoredReactionLag[]>
  readonly parked: ParkedReactionTools
}

/** Looks after reactions without running them: for operators. Every call throws DatabaseError. */
export function openReactionTools(store: Pick<PostgresStore, 'sql'>): ReactionTools {
  return createReactionTools({ sql: store.sql(), onDecided: () => {} })
}

const LOOK_MS = 50
/** Of one stream. */
const ALL = 1_000_000

/** @param input.onDecided wakes this process's own workers. */
export function createReactionTools(input: {
  sql: ReturnType<PostgresStore['sql']>
  onDecided: () => void
}): ReactionTools {
  const { sql } = input

  /** Waits until a worker has done what was noted about the stream's first parked event. */
  const carriedOut = async (
    place: ParkedReactionStream,
    timeoutMs: number,
  ): Promise<readonly ParkedReaction[] | null> => {
    const until = performance.now() + timeoutMs
    const alarm = createAlarm()
    for (;;) {
      const entries = await listParkedReactions(sql, { ...place, limit: ALL })
      const [first] = entries
      const isDue = first !== undefined && (first.wish !== null || first.reason === 'behind')
      // What is to be skipped behind an event that nobody has decided about waits for that.
      if (!isDue) return entries.some(({ wish }) => wish === 'skip') ? null : entries
      if (performance.now() >= until) return null
      await alarm.wait(LOOK_MS)
    }
  }

  const decide = async (
    wish: 'retry' | 'skip',
    place: ParkedReactionStream & { readonly position: number | null },
    by: ReactionDecider,
  ): Promise<ReactionParkedAnswer> => {
    const { reaction, tenant, stream, position } = place
    const before = (await listParkedReactions(sql, { reaction, tenant, stream, limit: ALL })).length
    const { principal, note = null, timeoutMs = 10_000 } = by
    const count = await decideParked(sql, { reaction, tenant, stream, position, wish, principal, note })
    if (count === 0) return { kind: 'nothing' }
    input.onDecided()
    const left = await carriedOut({ reaction, tenant, stream }, timeoutMs)
    if (left === null) return { kind: 'pending' }
    return { kind: 'done', settled: Math.max(0, before - left.length), remaining: left.length }
  }

  return {
    lag: () => readReactionLag(sql),
    parked: {
      list: (filter = {}, limit = 100) => listParkedReactions(sql, { ...filter, limit }),
      retry: (place, by) => decide('retry', { ...place, position: null }, by),
      skip: (place, by) => decide('skip', place, by),
      history: (limit = 100) => readDecisions(sql, { limit }),
    },
  }
}
