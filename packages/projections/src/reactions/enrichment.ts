import type {
  AnyAggregate,
  DomainEvent,
  EventData,
  EventsOf,
  Reaction,
  ReactionOptions,
  Send,
  SentCommand,
  StateOf,
} from '@tidemark/core'
import { reaction } from '@tidemark/core'

export interface CallContext {
  /** Aborted when the deadline has passed. */
  readonly signal: AbortSignal
  /** The same for every try of the same event: for services that tell repetitions by it. */
  readonly key: string
}

type EventOf<A extends AnyAggregate, Names extends keyof EventsOf<A> & string> = DomainEvent<
  string,
  EventData<EventsOf<A>[Names]>
>

export interface EnrichmentOptions<
  A extends AnyAggregate,
  Names extends keyof EventsOf<A> & string,
  Answer,
> extends Omit<ReactionOptions<A>, 'react'> {
  /** The events that lead to a call. */
  readonly to: readonly Names[]
  /**
   * Asks the outside service. May be called again for the same event: after a failure, and after a crash before its
   * answer was recorded. What the service says "no" with is an answer; a rejection is a failure and tried again.
   */
  readonly call: (state: StateOf<A>, event: EventOf<A, Names>, ctx: CallContext) => Promise<Answer>
  /** The command that records the answer. Should it be refused, the answer came too late, and is dropped. */
  readonly record: (answer: Answer, event: EventOf<A, Names>, ctx: { readonly send: Send }) => SentCommand
  /** Milliseconds for one call. Default 10,000. */
  readonly deadlineMs?: number
  /** So many failures set the event aside. Default 10, which a service that is away uses up in some four minutes. */
  readonly tries?: number
}

/** A process that answers events with a call to the outside, and records what it said by a command. */
export interface Enrichment extends Omit<Reaction, 'kind' | 'react'> {
  readonly kind: 'enrichment'
  readonly deadlineMs: number
  readonly tries: number
  /** @internal Erased. */
  readonly call: (state: unknown, event: DomainEvent, ctx: CallContext) => Promise<unknown>
  /** @internal Erased. */
  readonly record: (answer: unknown, event: DomainEvent, ctx: { readonly send: Send }) => SentCommand
}

/**
 * Declares an enrichment: what an outside service has to say about an event comes back as a command, so that projections
 * stay pure and no rebuild ever calls anybody. It runs like a reaction, beside the projections.
 *
 * @example
 * const CheckAddress = enrichment('check-address', {
 *   on: Order,
 *   to: ['placed'],
 *   call: (order, e, { signal }) => addresses.check(order.customer, { signal }),
 *   record: (found, e, { send }) => send(Order, orderKey(e), 'noteAddress', found, { onRefused: 'nothing' }),
 * })
 */
export function enrichment<A extends AnyAggregate, const Names extends keyof EventsOf<A> & string, Answer>(
  name: string,
  options: EnrichmentOptions<A, Names, Answer>,
): Enrichment {
  const { to, call, record, deadlineMs = 10_000, tries = 10, ...rest } = options
  // Names, types and defaults are a reaction's.
  const react = Object.fromEntries(
    to.map((member) => [member, () => undefined]),
  ) as unknown as ReactionOptions<A>['react']
  const { kind: _, react: __, ...common } = reaction(name, { ...rest, react })
  return {
    ...common,
    kind: 'enrichment',
    deadlineMs,
    tries,
    call: call as Enrichment['call'],
    record: record as Enrichment['record'],
  }
}
