import { setTimeout as sleep } from 'node:timers/promises'
import type { Advances } from '../advances.ts'
import type { Block } from '../interpret-events.ts'
import { createLease, type LeaseState } from '../lease.ts'
import { nextBatchSize } from '../pacing.ts'
import { readCheckpoint } from '../statements/checkpoint.ts'
import { BLOCKED_POLLS, startWorkLoop } from '../work-loop.ts'
import { reactToEvents, retryParkedStream, type LaneReactions } from './react-to-events.ts'
import { commitReaction } from './statements/commit-reaction.ts'
import { dueStreams } from './statements/parked-reactions.ts'
import { enterReactionLane } from './statements/reaction-lane.ts'
import type { Means } from './responder.ts'

export interface ReactionWorkerOptions extends Omit<LaneReactions, 'means'> {
  readonly push: Means['push']
  readonly runGuarded: Means['runGuarded']
  /** Name of this process among those that work on the database. */
  readonly holder: string
  readonly pollMs: number
  readonly largestBatch: number
  readonly advances: Advances
  readonly onError: (error: unknown) => void
  /** In [0, 1). */
  readonly random: () => number
  /** Milliseconds of a clock that never runs backwards. */
  readonly clock: () => number
}

export interface ReactionHealth {
  readonly beatAt: number
  readonly blocked: Block | undefined
  /** What is being retried. */
  readonly failure: string | undefined
  readonly lease: LeaseState
}

export interface ReactionWorker {
  /** There may be something to do. */
  wake(): void
  /** There may be something to do about parked events. */
  retry(): void
  health(): ReactionHealth
  /** Resolves when what is under way is done and the loop has ended. */
  stop(): Promise<void>
}

/** How often parked events are looked for that a person wants tried, when this process was not told. */
const PARKED_MS = 1_000
/** A checkpoint that has passed only events of no concern is stored this late. */
const STORE_MS = 1_000
const RENEW_MS = 1_000

/** Runs one reaction in one lane until it is stopped. It never ends by itself. */
export function startReactionWorker(options: ReactionWorkerOptions): ReactionWorker {
  const { sql, lane, reaction, advances, clock, pollMs, largestBatch } = options
  const consumer = reactionConsumer(reaction.name)
  // Aborted by `stop` only: hints must not cut the pause between two tries of a command short, and many may wait at a time.
  const ending = new AbortController()
  const lease = createLease({ ...options, consumer })
  /** The stored checkpoint and how far the log has been looked at; `undefined`: not known, or no longer trusted. */
  let place: { stored: number; seen: number } | undefined
  let storeAt = 0
  let lookAtParkedAt = 0
  let batchSize = Math.min(100, largestBatch)
  // Commands that are tried again keep a round for long: it lives as long as they are.
  let beatAt = clock()
  let blocked: Block | undefined
  /** Why a command is tried again. */
  let retrying: string | undefined

  const pause = (ms: number): Promise<boolean> =>
    sleep(ms, undefined, { signal: ending.signal }).then(
      () => true,
      () => false,
    )
  /** A batch may take longer than a lease lasts; without this another process would only do the same work again. */
  const keepingLease = async <T>(work: () => Promise<T>): Promise<T> => {
    const timer = setInterval(() => void lease.take().catch(() => {}), RENEW_MS).unref()
    try {
      return await work()
    } finally {
      clearInterval(timer)
    }
  }

  const context: LaneReactions = {
    ...options,
    means: {
      push: (...command) => {
        beatAt = clock()
        return options.push(...command)
      },
      random: options.random,
      runGuarded: options.runGuarded,
      pause: (ms) => {
        beatAt = clock()
        return pause(ms)
      },
      isReachable: () =>
        options.store.head(lane).then(
          () => true,
          () => false,
        ),
      onRetry: (reason) => {
        retrying = reason
      },
    },
  }

  const lost = (why: 'fenced' | 'stale' | 'interrupted'): boolean => {
    place = undefined
    if (why === 'fenced') lease.lost()
    return why !== 'interrupted'
  }

  const retryParked = async (at: number, fence: number): Promise<'done' | 'fenced' | 'stale' | 'interrupted'> => {
    if (clock() < lookAtParkedAt) return 'done'
    lookAtParkedAt = clock() + PARKED_MS
    for (const due of await dueStreams(sql, { reaction: reaction.name, lane })) {
      const answer = await retryParkedStream(context, { at, fence, ...due })
      if (answer !== 'done') return answer
    }
    return 'done'
  }

  /** Stores how far the log has been looked at where nothing in it was of concern. */
  const storeSeen = async (known: { stored: number; seen: number }, fence: number): Promise<boolean> => {
    const { stored: from, seen: to } = known
    const answer = await commitReaction(sql, {
      reaction: reaction.name,
      lane,
      from,
      to,
      eventId: null,
      fence,
      parked: [],
      settled: [],
    })
    if (answer !== 'committed') return lost(answer)
    known.stored = to
    return false
  }

  /** Returns whether there is more to do at once. */
  const round = async (): Promise<boolean> => {
    const had = lease.state().kind
    const state = await lease.take()
    if (state.kind !== 'held') {
      place = undefined
      return false
    }
    if (had !== 'held') place = undefined
    if (place === undefined) {
      // A lane that came after its registration has none yet.
      await enterReactionLane(sql, { consumer, lane })
      const position = (await readCheckpoint(sql, { consumer, lane }))?.position ?? 0
      place = { stored: position, seen: position }
      advances.tell(lane, position)
    }
    const { stored: from, seen: after } = place
    const retried = await keepingLease(() => retryParked(from, state.fence))
    if (retried !== 'done') return lost(retried)
    const startedAt = clock()
    const limit = blocked === undefined ? batchSize : 1
    const reacted = await keepingLease(() => reactToEvents(context, { from, after, fence: state.fence, limit }))
    if (reacted.kind === 'blocked') {
      blocked = reacted.block
      place = undefined
      // A process with newer code may go on from here.
      await lease.release()
      return false
    }
    blocked = undefined
    if (reacted.kind === 'reacted') {
      if (limit > 1) {
        batchSize = nextBatchSize(limit, { events: reacted.events, ms: clock() - startedAt }, largestBatch)
      }
      place.seen = reacted.to
      if (reacted.events > 0) place.stored = reacted.to
      advances.tell(lane, reacted.to)
    } else if (reacted.kind !== 'empty') return lost(reacted.kind)
    if (place.seen > place.stored && clock() >= storeAt) {
      storeAt = clock() + STORE_MS
      if (await storeSeen(place, state.fence)) return true
    }
    return reacted.kind === 'reacted'
  }

  const loop = startWorkLoop({
    ...options,
    lease,
    round: async () => {
      try {
        return await round()
      } finally {
        retrying = undefined
      }
    },
    pauseMs: () => (blocked === undefined ? pollMs : pollMs * BLOCKED_POLLS),
    onFailure: (error) => {
      // Whether the commit came through is not known: the checkpoint tells.
      place = undefined
      options.onError(error)
    },
    onRecovered: () => {},
  })

  return {
    wake: () => loop.wake(),
    retry: () => {
      lookAtParkedAt = 0
      loop.wake()
    },
    health: () => {
      const { beatAt: roundAt, failure } = loop.health()
      return { beatAt: Math.max(beatAt, roundAt), blocked, failure: retrying ?? failure, lease: lease.state() }
    },
    stop: () => {
      ending.abort()
      return loop.stop()
    },
  }
}

/** Under this name a reaction has its checkpoints and leases. */
export function reactionConsumer(name: string): string {
  return `reaction:${name}`
}
