import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Domain, Reaction } from '@tidemark/core'
import type { PostgresStore } from '@tidemark/store'
import { migrateProjections } from '../migrate-projections.ts'
import { createAdvances, type Advances } from '../advances.ts'
import { createRunGuarded } from '../run-guarded.ts'
import { knownLanes, readCheckpoint } from '../statements/checkpoint.ts'
import { waitForAdvance, type Reached } from '../wait-for-advance.ts'
import type { Enrichment } from './enrichment.ts'
import { createEventsWithStates } from './events-with-states.ts'
import type { PushCommands } from './perform-commands.ts'
import { reactionConsumer, startReactionWorker, type ReactionHealth, type ReactionWorker } from './reaction-worker.ts'
import { respondByCalling } from './respond-by-calling.ts'
import { respondWith, type Respond } from './responder.ts'
import { createReactionTools, type ParkedReactionTools } from './reaction-tools.ts'
import { registerReaction, type StoredReactionLag } from './statements/reaction-lane.ts'

export interface ReactionsOptions {
  readonly store: Pick<PostgresStore, 'readLane' | 'readStreams' | 'results' | 'head' | 'onWake' | 'sql'>
  readonly domain: Domain
  readonly reactions: readonly (Reaction | Enrichment)[]
  /** The command pipeline's `push`. */
  readonly push: PushCommands
  /** How often a lane is looked at when no hint comes. Milliseconds, default 250. */
  readonly pollMs?: number
  /** Most events answered before the checkpoint moves. Default 500. */
  readonly batch?: number
  /** Most milliseconds for one call of a handler, which is pure and quick. Default 500. */
  readonly handlerMs?: number
  /** Brings the schema up to date first. Default true. */
  readonly migrate?: boolean
  /** Failures that are being retried. Default: dropped, `lag()` still shows them. */
  readonly onError?: (error: unknown) => void
}

/** How far a reaction is behind a lane's log, its worker in this process included. */
export interface ReactionLag extends StoredReactionLag {
  /** Events after the checkpoint, of any type. */
  readonly events: number
  /** Milliseconds since its loop in this process gave a sign of life. */
  readonly heartbeatAgeMs: number
  /** An event that newer code wrote stops it. */
  readonly blocked?: NonNullable<ReactionHealth['blocked']>
  /** What is being retried. */
  readonly failure?: string
  /** Absent where this process has no worker for it. */
  readonly lease?: ReactionHealth['lease']
}

export interface Reactions {
  /** Starts the workers in this process. Without it this process only looks. */
  start(): void
  /** Finishes what is under way; resolves within 2 s. Store and pipeline stay open. */
  close(): Promise<void>
  /** Every reaction of this process in every lane. Throws DatabaseError. */
  lag(): Promise<readonly ReactionLag[]>
  /** Waits until a reaction has answered, or parked, what the log held at a position; never longer than asked. */
  waitFor(
    reaction: string,
    place: { readonly lane: number; readonly position: number },
    timeoutMs: number,
  ): Promise<Reached>
  readonly parked: ParkedReactionTools
}

const CLOSE_MS = 1_900
/** How often new lanes are looked for; hints tell of them sooner. */
const LANES_MS = 2_000

/**
 * Makes the reactions known to the log, so that from now on they miss nothing, and opens their workers.
 *
 * @throws TypeError where two reactions have one name, or one is of an aggregate that the domain does not have.
 * @throws MigrationError, DatabaseError
 */
export async function openReactions(options: ReactionsOptions): Promise<Reactions> {
  const { store, domain, reactions, pollMs = 250, batch = 500, onError = () => {} } = options
  const sql = store.sql()
  const clock = (): number => performance.now()
  const runGuarded = createRunGuarded(options.handlerMs ?? 500)
  const openedAt = clock()
  const holder = `${hostname()}/${process.pid}/${randomUUID()}`
  assertReactions(domain, reactions)
  if (options.migrate !== false) await migrateProjections(sql)
  for (const { name, startAt } of reactions) {
    await registerReaction(sql, { reaction: name, fromBeginning: startAt === 'beginning' })
  }
  const advancesByName = new Map<string, Advances>(reactions.map(({ name }) => [name, createAdvances(onError)]))
  const advancesOf = (name: string): Advances => {
    const advances = advancesByName.get(name)
    if (advances === undefined) throw new TypeError(`There is no reaction "${name}" here.`)
    return advances
  }
  // One for all lanes: an outside service is away for all of them.
  const responders = new Map<string, Respond>(
    reactions.map((one) => [
      one.name,
      one.kind === 'reaction' ? respondWith(one) : respondByCalling({ enrichment: one, store, clock }),
    ]),
  )
  const workersByLane = new Map<number, ReadonlyMap<string, ReactionWorker>>()
  let started = false
  let closed = false
  let stopWaking = (): void => {}
  let lanesTimer: NodeJS.Timeout | undefined

  const workLane = (lane: number): ReadonlyMap<string, ReactionWorker> => {
    const running = workersByLane.get(lane)
    if (running !== undefined) return running
    const workers = new Map(
      reactions.map((reaction) => [
        reaction.name,
        startReactionWorker({
          domain,
          store,
          sql,
          lane,
          reaction,
          respond: responders.get(reaction.name) as Respond,
          states: createEventsWithStates({ domain, aggregate: reaction.aggregate, store, runGuarded }),
          push: options.push,
          runGuarded,
          holder,
          pollMs,
          largestBatch: batch,
          advances: advancesOf(reaction.name),
          onError,
          random: Math.random,
          clock,
        }),
      ]),
    )
    workersByLane.set(lane, workers)
    return workers
  }

  const allWorkers = (): readonly ReactionWorker[] =>
    [...workersByLane.values()].flatMap((workers) => [...workers.values()])

  const findLanes = async (): Promise<void> => {
    try {
      const lanes = await knownLanes(sql)
      if (!closed) lanes.forEach(workLane)
    } catch (error) {
      onError(error)
    }
    if (!closed) lanesTimer = setTimeout(() => void findLanes(), LANES_MS).unref()
  }

  const tools = createReactionTools({
    sql,
    onDecided: () => {
      for (const worker of allWorkers()) worker.retry()
    },
  })

  return {
    start: () => {
      if (started || closed || reactions.length === 0) return
      started = true
      stopWaking = store.onWake((lane) => {
        for (const worker of workLane(lane).values()) worker.wake()
      })
      void findLanes()
    },
    close: async () => {
      closed = true
      stopWaking()
      clearTimeout(lanesTimer)
      let timer: NodeJS.Timeout | undefined
      const limit = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, CLOSE_MS)
      })
      await Promise.race([Promise.all(allWorkers().map((worker) => worker.stop())), limit])
      clearTimeout(timer)
    },
    lag: async () => {
      const stored = await tools.lag()
      return stored.flatMap((one): readonly ReactionLag[] => {
        const { reaction, lane, head, parked } = one
        const advances = advancesByName.get(reaction)
        if (advances === undefined) return []
        const health = workersByLane.get(lane)?.get(reaction)?.health()
        // Its worker has looked at more than is stored where there was nothing to answer.
        const seen = health?.lease.kind === 'held' ? advances.at(lane) : 0
        const checkpoint = Math.max(one.checkpoint, Math.min(seen, head))
        return [
          {
            reaction,
            lane,
            checkpoint,
            head,
            events: Math.max(0, head - checkpoint),
            seconds: checkpoint === head ? 0 : one.seconds,
            parked,
            heartbeatAgeMs: Math.max(0, clock() - (health?.beatAt ?? openedAt)),
            ...(health?.blocked === undefined ? {} : { blocked: health.blocked }),
            ...(health?.failure === undefined ? {} : { failure: health.failure }),
            ...(health === undefined ? {} : { lease: health.lease }),
          },
        ]
      })
    },
    waitFor: (reaction, place, timeoutMs) =>
      waitForAdvance({
        ...place,
        timeoutMs,
        pollMs,
        advances: advancesOf(reaction),
        read: async () =>
          (await readCheckpoint(sql, { consumer: reactionConsumer(reaction), lane: place.lane }))?.position ?? 0,
      }),
    parked: tools.parked,
  }
}

function assertReactions(domain: Domain, reactions: readonly Pick<Reaction, 'name' | 'aggregate'>[]): void {
  const names = new Set<string>()
  for (const { name, aggregate } of reactions) {
    if (names.has(name)) throw new TypeError(`Two reactions are named "${name}".`)
    names.add(name)
    if (domain.aggregatesByName.get(aggregate.name) !== aggregate) {
      throw new TypeError(`Reaction "${name}" is on aggregate "${aggregate.name}", which is not in the domain.`)
    }
  }
}
