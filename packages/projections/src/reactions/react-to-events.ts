import {
  isCarriedForward,
  readEvent,
  type Domain,
  type EventStore,
  type Reaction,
  type StoredEvent,
} from '@tidemark/core'
import { scanLane, type Driver } from '@tidemark/store'
import { describeFailure, type Block } from '../interpret-events.ts'
import type { Around, EventsWithStates } from './events-with-states.ts'
import { guardEach } from './guard-each.ts'
import { BEHIND, streamKey, type ParkedCause } from './parked-reaction.ts'
import type { Performed } from './perform-commands.ts'
import type { Means, Respond } from './responder.ts'
import { commitReaction, type ToPark } from './statements/commit-reaction.ts'
import { parkedAmong, parkedOfStream, type ParkedStream } from './statements/parked-reactions.ts'

export interface LaneReactions {
  readonly domain: Domain
  readonly store: Pick<EventStore, 'readLane' | 'head'>
  readonly sql: Driver
  readonly lane: number
  readonly reaction: Pick<Reaction, 'name' | 'types' | 'when'>
  readonly respond: Respond
  readonly states: EventsWithStates
  readonly means: Means
}

export type Reacted =
  /** All up to `to` has been looked at, `events` of it were the reaction's. The checkpoint has moved only where some were. */
  | { readonly kind: 'reacted'; readonly to: number; readonly events: number }
  /** The log ends here. */
  | { readonly kind: 'empty' }
  /** Newer code wrote the next event, or one before it in its stream. */
  | { readonly kind: 'blocked'; readonly block: Block }
  | { readonly kind: 'fenced' | 'stale' | 'interrupted' }

/** Streams whose events are answered side by side. */
const WIDTH = 64
/** Parked events of a stream that are tried before the result is stored. */
const RETRIED_AT_ONCE = 50

/**
 * Answers the events after `after`, in order per stream and streams side by side, then moves the checkpoint. A crash in
 * between only repeats commands that have their results already.
 *
 * @param request.from the stored checkpoint, which may lag behind `after` by events that are none of the reaction's.
 * @throws DatabaseError, and what the pipeline throws: the checkpoint has not moved then, as far as is known.
 */
export async function reactToEvents(
  context: LaneReactions,
  request: { readonly from: number; readonly after: number; readonly fence: number; readonly limit: number },
): Promise<Reacted> {
  const { store, sql, lane, reaction, states } = context
  const { from, after, fence, limit } = request
  const { events: found, upTo } = await scanLane(store, { lane, after, types: [...reaction.types], limit })
  if (upTo <= after) return { kind: 'empty' }

  let block: Block | undefined
  const own: { readonly stored: StoredEvent; readonly cause: ParkedCause | undefined }[] = []
  for (const [index, screened] of screen(context, found).entries()) {
    const stored = found[index] as StoredEvent
    if (screened.kind === 'newer') {
      block = screened.block
      break
    }
    if (screened.kind !== 'out') own.push({ stored, cause: screened.kind === 'park' ? screened.cause : undefined })
  }
  const parkedStreams = await streamsParked(context, own)
  const toLoad = own.filter(({ stored, cause }) => cause === undefined && !parkedStreams.has(streamKey(stored)))
  const arounds = new Map<StoredEvent, Around>()
  const loaded = toLoad.length === 0 ? [] : await states.load(toLoad.map(({ stored }) => stored))
  for (const [index, { stored }] of toLoad.entries()) {
    const around = loaded[index] as Around
    if (around.kind === 'newer') {
      block = { ...around.block, position: stored.position }
      break
    }
    arounds.set(stored, around)
  }
  const to = block === undefined ? upTo : block.position - 1
  if (block !== undefined && to <= after) return { kind: 'blocked', block }
  const due = own.filter(({ stored }) => stored.position <= to)
  if (due.length === 0) return { kind: 'reacted', to, events: 0 }

  const parked: ToPark[] = []
  let isInterrupted = false
  await sideBySide(groupByStream(due), async (events) => {
    let isParked = parkedStreams.has(streamKey(events[0]?.stored as StoredEvent))
    for (const { stored, cause } of events) {
      if (isInterrupted) return
      const performed = isParked
        ? parkedFor(BEHIND)
        : cause === undefined
          ? await answer(context, stored, arounds.get(stored) as Around)
          : parkedFor(cause)
      if (performed.kind === 'interrupted') isInterrupted = true
      if (performed.kind !== 'parked') continue
      isParked = true
      parked.push(toPark(stored, performed.cause))
    }
  })
  if (isInterrupted) return { kind: 'interrupted' }
  const last = due.at(-1)?.stored
  const eventId = last?.position === to ? last.id : null
  const answered = await commitReaction(sql, {
    reaction: reaction.name,
    lane,
    from,
    to,
    eventId,
    fence,
    parked,
    settled: [],
  })
  return answered === 'committed' ? { kind: 'reacted', to, events: due.length } : { kind: answered }
}

/**
 * Answers a stream's parked events, or leaves out those that a person wants skipped, in order and up to the first that
 * fails again. The checkpoint stays.
 */
export async function retryParkedStream(
  context: LaneReactions,
  request: { readonly at: number; readonly fence: number } & ParkedStream,
): Promise<'done' | 'fenced' | 'stale' | 'interrupted'> {
  const { store, sql, lane, reaction, states } = context
  const { at, fence, tenant, stream } = request
  for (;;) {
    const waiting = await parkedOfStream(sql, {
      reaction: reaction.name,
      lane,
      tenant,
      stream,
      limit: RETRIED_AT_ONCE,
    })
    const settled: number[] = []
    const parked: ToPark[] = []
    for (const entry of waiting) {
      if (entry.wish !== 'skip') {
        const { position } = entry
        const [stored] = await store.readLane({ lane, after: position - 1, upTo: position, limit: 1 })
        if (stored === undefined) throw new Error(`The log holds no event at position ${position} of lane ${lane}.`)
        const [screened] = screen(context, [stored])
        let performed: Performed = { kind: 'done' }
        if (screened?.kind === 'park') performed = parkedFor(screened.cause)
        else if (screened?.kind === 'newer') performed = parkedFor(asUnreadable(screened.block))
        else if (screened?.kind === 'in') {
          const [around] = await states.load([stored])
          performed = await answer(context, stored, around as Around)
        }
        if (performed.kind === 'interrupted') return 'interrupted'
        if (performed.kind === 'parked') {
          parked.push(toPark(stored, performed.cause))
          break
        }
      }
      settled.push(entry.position)
    }
    const committed = await commitReaction(sql, {
      reaction: reaction.name,
      lane,
      from: at,
      to: at,
      eventId: null,
      fence,
      parked,
      settled,
    })
    if (committed !== 'committed') return committed
    if (parked.length > 0 || waiting.length < RETRIED_AT_ONCE) return 'done'
  }
}

type Screened =
  /** None of the reaction's. */
  | { readonly kind: 'out' }
  | { readonly kind: 'in' }
  | { readonly kind: 'park'; readonly cause: ParkedCause }
  | { readonly kind: 'newer'; readonly block: Block }

/** What can be said of events before anything is loaded for them. */
function screen({ domain, reaction, means }: LaneReactions, events: readonly StoredEvent[]): readonly Screened[] {
  const screenOne = (stored: StoredEvent): Screened => {
    if (!reaction.types.has(stored.type) || isToldAgain(stored)) return { kind: 'out' }
    const read = readEvent(domain, stored)
    switch (read.kind) {
      case 'event':
        return { kind: reaction.when(read.event) ? 'in' : 'out' }
      case 'unknown-type':
      case 'newer-schema': {
        const detail = describeFailure(stored, read)
        return { kind: 'newer', block: { reason: read.kind, position: stored.position, detail } }
      }
      case 'missing-upcaster':
      case 'upcaster-failed':
      case 'invalid-data':
        return { kind: 'park', cause: { reason: read.kind, message: describeFailure(stored, read) } }
    }
  }
  return guardEach(means.runGuarded, events, screenOne).map((guarded) =>
    guarded.kind === 'done'
      ? guarded.value
      : { kind: 'park', cause: { reason: 'failed', message: `when() failed: ${guarded.message}` } },
  )
}

/** What a split carries forward, or a copy-and-transform run wrote anew: it was answered where it happened. */
function isToldAgain(stored: StoredEvent): boolean {
  return isCarriedForward(stored) || stored.metadata['transformed'] !== undefined
}

async function answer(context: LaneReactions, stored: StoredEvent, around: Around): Promise<Performed> {
  switch (around.kind) {
    case 'event':
      return context.respond({ stored, event: around.event, states: around.states }, context.means)
    case 'unreadable':
      return parkedFor(around.cause)
    case 'newer':
      return parkedFor(asUnreadable(around.block))
  }
}

function parkedFor(cause: ParkedCause): Performed {
  return { kind: 'parked', cause }
}

function asUnreadable({ reason, detail }: Block): ParkedCause {
  return { reason, message: detail }
}

function toPark({ tenant, stream, position, id, type }: StoredEvent, cause: ParkedCause): ToPark {
  return { tenant, stream, position, eventId: id, type, cause }
}

async function streamsParked(
  { sql, lane, reaction }: LaneReactions,
  events: readonly { readonly stored: StoredEvent }[],
): Promise<ReadonlySet<string>> {
  const streams = new Map(
    events.map(({ stored: { tenant, stream } }) => [streamKey({ tenant, stream }), { tenant, stream }]),
  )
  if (streams.size === 0) return new Set()
  const found = await parkedAmong(sql, { reaction: reaction.name, lane, streams: [...streams.values()] })
  return new Set(found.map(streamKey))
}

function groupByStream<T extends { readonly stored: StoredEvent }>(events: readonly T[]): readonly (readonly T[])[] {
  const groups = new Map<string, T[]>()
  for (const event of events) {
    const key = streamKey(event.stored)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [event])
    else group.push(event)
  }
  return [...groups.values()]
}

/** Waits for all that has begun, also where one of them fails. */
async function sideBySide<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0
  let failed = false
  const run = async (): Promise<void> => {
    while (!failed && next < items.length) {
      try {
        await work(items[next++] as T)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  const runs = await Promise.allSettled(Array.from({ length: Math.min(WIDTH, items.length) }, run))
  for (const one of runs) if (one.status === 'rejected') throw one.reason
}
