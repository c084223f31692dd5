import {
  evolveState,
  initialState,
  readEvent,
  type AnyAggregate,
  type Domain,
  type DomainEvent,
  type EventStore,
  type StoredEvent,
  type VersionedState,
} from '@tidemark/core'
import { describeFailure, type Block } from '../interpret-events.ts'
import type { RunGuarded } from '../run-guarded.ts'
import { streamKey, type ParkedCause } from './parked-reaction.ts'

/** An event with its stream's states around it, or why there are none. */
export type Around =
  | {
      readonly kind: 'event'
      readonly event: DomainEvent
      readonly states: { readonly before: unknown; readonly after: unknown }
    }
  | { readonly kind: 'unreadable'; readonly cause: ParkedCause }
  /** Newer code wrote it, or an event before it. */
  | { readonly kind: 'newer'; readonly block: Block }

export interface EventsWithStates {
  /** The events, which are of the aggregate and in log order, each with the states around it. Throws DatabaseError. */
  load(events: readonly StoredEvent[]): Promise<readonly Around[]>
}

/** Streams whose newest state is remembered. */
const REMEMBERED = 1_000

/** Folds streams up to the events that are reacted to. What came later plays no part, so a replay sees the same. */
export function createEventsWithStates(options: {
  readonly domain: Domain
  readonly aggregate: AnyAggregate
  readonly store: Pick<EventStore, 'readStreams'>
  readonly runGuarded: RunGuarded
}): EventsWithStates {
  const { store } = options
  const known = new Map<string, VersionedState>()

  return {
    load: async (events) => {
      const spans = new Map<string, { tenant: string; stream: string; from: VersionedState; to: number }>()
      for (const { tenant, stream, version } of events) {
        const key = streamKey({ tenant, stream })
        const span = spans.get(key)
        if (span !== undefined) {
          span.to = version
          continue
        }
        const from = known.get(key)
        spans.set(key, {
          tenant,
          stream,
          from: from !== undefined && from.version < version ? from : initialState(options.aggregate),
          to: version,
        })
      }
      const spanned = [...spans]
      const read = await store.readStreams(
        spanned.map(([, { tenant, stream, from, to }]) => ({
          tenant,
          stream,
          after: from.version,
          limit: to - from.version,
        })),
      )
      const folds = new Map(
        spanned.map(([key, { from }], index) => [key, { state: from, rest: [...(read[index] ?? [])] }]),
      )

      return events.map((stored): Around => {
        const key = streamKey(stored)
        const fold = folds.get(key)
        if (fold === undefined) throw new Error('An event is of no stream that was read.')
        for (;;) {
          const next = fold.rest[0]
          if (next === undefined || next.version !== fold.state.version + 1) {
            return unreadable('not-in-log', `Version ${fold.state.version + 1} of ${stored.stream} is not there.`)
          }
          const around = step(options, fold.state, next)
          // An event that stops the fold stays, and stops it for all that come after.
          if (around.kind !== 'event') return around
          fold.rest.shift()
          fold.state = { version: next.version, state: around.states.after }
          if (next.version < stored.version) continue
          known.delete(key)
          known.set(key, fold.state)
          const [oldest] = known.keys()
          if (known.size > REMEMBERED && oldest !== undefined) known.delete(oldest)
          return around
        }
      })
    },
  }
}

function step(
  { domain, aggregate, runGuarded }: { domain: Domain; aggregate: AnyAggregate; runGuarded: RunGuarded },
  before: VersionedState,
  stored: StoredEvent,
): Around {
  const read = readEvent(domain, stored)
  switch (read.kind) {
    case 'event': {
      const { event } = read
      const after = runGuarded(() => evolveState(aggregate, before, event))
      return after.kind === 'failed'
        ? unreadable('failed', `evolve of "${stored.type}" failed: ${after.message}`)
        : { kind: 'event', event, states: { before: before.state, after: after.value.state } }
    }
    case 'unknown-type':
    case 'newer-schema':
      return {
        kind: 'newer',
        block: { reason: read.kind, position: stored.position, detail: describeFailure(stored, read) },
      }
    case 'missing-upcaster':
    case 'upcaster-failed':
    case 'invalid-data':
      return unreadable(read.kind, describeFailure(stored, read))
  }
}

function unreadable(reason: ParkedCause['reason'], message: string): Around {
  return { kind: 'unreadable', cause: { reason, message } }
}
