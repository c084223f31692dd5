import assert from 'node:assert/strict'
import {
  decideCommand,
  defineDomain,
  derivedIdOf,
  evolveState,
  initialState,
  readCommand,
  readEvent,
  type AnyAggregate,
  type CommandInput,
  type DomainEvent,
  type EventData,
  type EventsOf,
  type Json,
  type JsonObject,
  type Principal,
  type Projection,
  type Reaction,
  type RefusalCode,
  type StateOf,
  type StreamId,
  type Uuid,
  type VersionedState,
} from '@tidemark/core'
import { reactedTo, type Reacted } from './reacted.ts'

type CommandsOf<A extends AnyAggregate> = A['commands']
type EventName<A extends AnyAggregate> = keyof EventsOf<A> & string

/** An event of the aggregate as `[name, data]`. */
export type ScenarioEvent<A extends AnyAggregate> = {
  [Name in EventName<A>]: readonly [name: Name, data: EventData<EventsOf<A>[Name]>]
}[EventName<A>]

/** An event as an older release stored it: its data is what that release's schema was. */
export type OldEvent<A extends AnyAggregate> = readonly [
  name: EventName<A>,
  data: unknown,
  stored: { readonly schema: number },
]

export interface ScenarioOptions {
  /** Who acts. Default: a principal of tenant `acme` with no role. */
  readonly by?: Partial<Principal>
  /** The device's time. Default 2026-01-01T00:00:00.000Z. */
  readonly at?: string
  /** Key of the stream. Default `1`. */
  readonly key?: string
}

export interface Given<A extends AnyAggregate> {
  /** What has happened before, oldest first. Old schema versions are upcast as on every read path. */
  readonly events: (events: readonly (ScenarioEvent<A> | OldEvent<A>)[]) => Given<A>
  readonly by: (principal: Partial<Principal>) => Given<A>
  readonly when: <Name extends keyof CommandsOf<A> & string>(
    command: Name,
    input: CommandInput<CommandsOf<A>[Name]>,
  ) => Then<A, RefusalCode<CommandsOf<A>[Name]>>
  /** What a reaction answers the last of the events with. */
  readonly reacts: (of: Reaction) => Reacted
  /** The state that the events lead to. */
  readonly thenState: (expected: StateOf<A>) => void
}

/** Each throws an `AssertionError` that shows what was expected and what came. */
export interface Then<A extends AnyAggregate, Code extends string> {
  /** Exactly these events. In the function form, `id` gives what `ctx.id` gave to `decide`. */
  readonly thenEvents: (
    expected:
      | readonly ScenarioEvent<A>[]
      | ((made: { readonly id: (label?: string) => Uuid }) => readonly ScenarioEvent<A>[]),
  ) => Then<A, Code>
  /** Accepted, and nothing changes. */
  readonly thenNothing: () => void
  /** Refused; parameters are compared where they are given. */
  readonly thenRefused: (code: Code, params?: JsonObject) => void
  /** The principal may not send this command. */
  readonly thenForbidden: () => void
  /** The input does not match the command's schema. */
  readonly thenInvalid: () => void
  /** The state after the command. */
  readonly thenState: (expected: StateOf<A>) => void
}

const DEFAULT_AT = '2026-01-01T00:00:00.000Z'
const NOBODY: Principal = { id: 'someone', tenant: 'acme', name: 'Someone', roles: [] }
const COMMAND_ID = '019b7600-0000-7000-8000-000000000001'

type Outcome =
  | { readonly kind: 'events'; readonly events: readonly (readonly [string, Json])[]; readonly state: unknown }
  | { readonly kind: 'refused'; readonly code: string; readonly params: JsonObject }
  | { readonly kind: 'forbidden' }
  | { readonly kind: 'invalid'; readonly why: string }
  | { readonly kind: 'failed'; readonly message: string }

/**
 * Tests an aggregate in its own words. Everything runs as in the command pipeline: stored events are upcast and
 * validated, rights are checked, the input is validated, then the command is decided.
 *
 * @example
 * given(Order).events([['placed', placed], ['shipped', { carrier: 'Royal Mail' }]])
 *   .when('cancel', { reason: 'late' })
 *   .thenRefused('not_open', { status: 'shipped' })
 */
export function given<A extends AnyAggregate>(of: A, options: ScenarioOptions = {}): Given<A> {
  return scenario(of, [], options)
}

/** The events of one stream, as projections see them. Throws on an event that could not be read from a log. */
export function history<A extends AnyAggregate>(
  of: A,
  key: string,
  events: readonly (ScenarioEvent<A> | OldEvent<A>)[],
  options: ScenarioOptions = {},
): readonly DomainEvent[] {
  const domain = defineDomain({ name: 'scenario', aggregates: [of], projections: [] })
  const stream = of.stream(key)
  return events.map((event, index) => {
    const [name, data, stored] = event as readonly [string, Json, { readonly schema: number }?]
    const version = index + 1
    const read = readEvent(domain, {
      id: derivedIdOf(COMMAND_ID, NOBODY, `${stream} ${version}`),
      type: `${of.name}.${name}`,
      schema: stored?.schema ?? of.events[name]?.version ?? 1,
      stream,
      version,
      data,
      occurredAt: options.at ?? DEFAULT_AT,
      principal: options.by?.id ?? NOBODY.id,
    })
    if (read.kind === 'event') return read.event
    throw new TypeError(`Event ${version} of ${stream} could not be in a log: ${JSON.stringify(read)}`)
  })
}

/**
 * Tests a projection: folds the events in the order given.
 *
 * @example
 * givenEvents(history(Order, '1', [['placed', placed]])).expectRows(OrderList, { 'order/1': { … } })
 */
export function givenEvents(...histories: readonly (readonly DomainEvent[])[]): {
  /** Exactly these rows, by key. */
  readonly expectRows: <Name extends string, Row>(
    of: Projection<Name, Row>,
    rows: Readonly<Record<string, Row>>,
  ) => void
} {
  return {
    expectRows: (of, expected) => {
      const rows = new Map<string, (typeof expected)[string]>()
      for (const event of histories.flat()) {
        const key = of.types.has(event.type) ? of.key(event) : undefined
        if (key === undefined) continue
        const row = of.fold(rows.get(key), event)
        if (row === undefined) rows.delete(key)
        else rows.set(key, row)
      }
      assert.deepEqual(Object.fromEntries(rows), expected)
    },
  }
}

function scenario<A extends AnyAggregate>(
  of: A,
  events: readonly (ScenarioEvent<A> | OldEvent<A>)[],
  options: ScenarioOptions,
): Given<A> {
  const key = options.key ?? '1'
  const fold = (happened: readonly DomainEvent[]): VersionedState =>
    happened.reduce((state, event) => evolveState(of, state, event), initialState(of) as VersionedState)
  const before = (): VersionedState => fold(history(of, key, events, options))
  return {
    events: (more) => scenario(of, [...events, ...more], options),
    by: (principal) => scenario(of, events, { ...options, by: { ...options.by, ...principal } }),
    when: (command, input) => thenOf(of, decide(of, before(), command, input as Json, options), options),
    reacts: (reaction) => {
      const happened = history(of, key, events, options)
      const last = happened.at(-1)
      if (last === undefined) throw new TypeError('There is no event to react to: give some with `events`.')
      return reactedTo(reaction, last, { before: fold(happened.slice(0, -1)).state, after: fold(happened).state })
    },
    thenState: (expected) => assert.deepEqual(before().state, expected),
  }
}

function decide(
  of: AnyAggregate,
  current: VersionedState,
  name: string,
  stored: Json,
  options: ScenarioOptions,
): Outcome {
  const domain = defineDomain({ name: 'scenario', aggregates: [of], projections: [] })
  const principal = principalOf(options)
  const type = `${of.name}.${name}`
  const definition = domain.commandsByType.get(type)
  if (definition?.allow(principal) === false) return { kind: 'forbidden' }
  const read = readCommand(domain, { type, schema: definition?.version ?? 1, input: stored })
  if (read.kind !== 'command') return { kind: 'invalid', why: JSON.stringify(read) }
  const streamId: StreamId = of.stream(options.key ?? '1')
  const decided = decideCommand({
    aggregate: of,
    command: read.command,
    input: read.input,
    current,
    principal,
    commandId: COMMAND_ID,
    streamId,
    occurredAt: options.at ?? DEFAULT_AT,
  })
  switch (decided.kind) {
    case 'refused':
      return decided
    case 'failed':
      return { kind: 'failed', message: decided.message }
    case 'events':
      return {
        kind: 'events',
        events: decided.events.map((event) => [event.type.slice(of.name.length + 1), event.data] as const),
        state: decided.after.state,
      }
  }
}

function thenOf<A extends AnyAggregate, Code extends string>(
  of: A,
  outcome: Outcome,
  options: ScenarioOptions,
): Then<A, Code> {
  const principal = principalOf(options)
  const then: Then<A, Code> = {
    thenEvents: (expected) => {
      const events =
        typeof expected === 'function'
          ? expected({ id: (label) => derivedIdOf(COMMAND_ID, principal, label) })
          : expected
      assert.deepEqual(withoutState(outcome), { kind: 'events', events })
      return then
    },
    thenNothing: () => assert.deepEqual(withoutState(outcome), { kind: 'events', events: [] }),
    thenRefused: (code, params) => {
      const came =
        outcome.kind === 'refused' && params === undefined ? { kind: 'refused', code: outcome.code } : outcome
      assert.deepEqual(
        withoutState(came),
        params === undefined ? { kind: 'refused', code } : { kind: 'refused', code, params },
      )
    },
    thenForbidden: () => assert.deepEqual(withoutState(outcome), { kind: 'forbidden' }),
    thenInvalid: () => assert.equal(outcome.kind, 'invalid', `Expected invalid input, got ${JSON.stringify(outcome)}`),
    thenState: (expected) => {
      assert.equal(outcome.kind, 'events', `Expected "${of.name}" to accept, got ${JSON.stringify(outcome)}`)
      if (outcome.kind === 'events') assert.deepEqual(outcome.state, expected)
    },
  }
  return then
}

function withoutState(outcome: object): object {
  const { state: _, ...rest } = outcome as { state?: unknown }
  return rest
}

function principalOf(options: ScenarioOptions): Principal {
  return { ...NOBODY, ...options.by }
}
