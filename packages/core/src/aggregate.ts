import type { DomainEvent, EventData, EventMap } from './event.ts'
import { defineCommand, type CommandBuilder, type CommandMap } from './command.ts'
import { isStreamKey, type StreamId } from './id.ts'
import { TENANT_SCOPE } from './principal.ts'

/** One function per event: the state after it. Pure. `event` carries version, time and author where they matter. */
export type Evolve<State, Events extends EventMap> = {
  readonly [Name in keyof Events & string]: (
    state: State,
    data: EventData<Events[Name]>,
    event: DomainEvent<Name, EventData<Events[Name]>>,
  ) => State
}

export interface AggregateOptions<State, Events extends EventMap, Commands extends CommandMap> {
  /** State of a stream without events. Plain JSON: it is stored and sent. */
  readonly initial: () => State
  readonly events: Events
  readonly evolve: NoInfer<Evolve<State, Events>>
  readonly commands: (command: CommandBuilder<NoInfer<State>, NoInfer<Events>>) => Commands
  /**
   * Raise it when `initial` or `evolve` changes what the state of the same events is: clients then fetch the states
   * again. Default 1.
   */
  readonly version?: number
  /** Who may see the state. Default: the whole tenant. */
  readonly scope?: (state: NoInfer<State>) => string
}

export interface Aggregate<
  Name extends string = string,
  State = unknown,
  Events extends EventMap = EventMap,
  Commands extends CommandMap = CommandMap,
> {
  readonly name: Name
  readonly version: number
  readonly events: Events
  readonly commands: Commands
  readonly initial: () => State
  /** The stream of the instance with this key. Throws on a key that cannot be part of a stream id. */
  readonly stream: (key: string) => StreamId
  /** @internal Erased; use {@link evolveState}. */
  readonly evolve: Readonly<Record<string, (state: never, data: never, event: never) => unknown>>
  /** @internal */
  readonly scope: (state: never) => string
}

export type AnyAggregate = Aggregate
export type StateOf<A> = A extends { readonly initial: () => infer State } ? State : never
export type EventsOf<A> = A extends { readonly events: infer Events extends EventMap } ? Events : never

const NAME = /^[a-z][a-z0-9-]{0,39}$/
const MEMBER = /^[a-z][A-Za-z0-9]{0,59}$/

/** @internal */
export function assertName(kind: string, name: string): void {
  if (!NAME.test(name)) {
    throw new TypeError(
      `${kind} name "${name}" is not usable: names are stored with every event, so they must be kebab-case, ` +
        'start with a letter and have at most 40 characters.',
    )
  }
}

/**
 * Declares an aggregate: its state, its events and how they change the state, and the commands that may be asked of
 * it. Everything in it is pure and runs unchanged in browser and server.
 *
 * @example
 * const Counter = aggregate('counter', {
 *   initial: () => ({ value: 0 }),
 *   events: { added: event(z.object({ by: z.number().int() })) },
 *   evolve: { added: (state, { by }) => ({ value: state.value + by }) },
 *   commands: (command) => ({
 *     add: command(z.object({ by: z.number().int() }), {
 *       decide: (state, { by }, { emit, refuse }) => (state.value + by < 0 ? refuse('below_zero') : emit.added({ by })),
 *     }),
 *   }),
 * })
 */
export function aggregate<const Name extends string, State, Events extends EventMap, Commands extends CommandMap>(
  name: Name,
  options: AggregateOptions<State, Events, Commands>,
): Aggregate<Name, State, Events, Commands> {
  assertName('Aggregate', name)
  const commands: Record<string, unknown> = {}
  const declared = options.commands(defineCommand as unknown as CommandBuilder<State, Events>)
  for (const [member, command] of Object.entries(declared)) {
    assertMember(name, 'Command', member)
    commands[member] = { ...command, type: `${name}.${member}`, aggregate: name }
  }
  for (const member of Object.keys(options.events)) {
    assertMember(name, 'Event', member)
    if (typeof (options.evolve as Record<string, unknown>)[member] !== 'function') {
      throw new TypeError(`Aggregate "${name}" has no evolve function for its event "${member}".`)
    }
  }
  return {
    name,
    version: options.version ?? 1,
    events: options.events,
    commands: commands as unknown as Commands,
    initial: options.initial,
    evolve: options.evolve as unknown as Aggregate['evolve'],
    scope: (options.scope ?? (() => TENANT_SCOPE)) as (state: never) => string,
    stream: (key) => {
      if (!isStreamKey(key)) {
        throw new TypeError(`"${key}" cannot be the key of a stream: use up to 128 letters, digits and . _ ~ : @ -`)
      }
      return `${name}/${key}`
    },
  }
}

/** State and version of one aggregate instance. Version 0 is a stream without events. */
export interface VersionedState<State = unknown> {
  readonly version: number
  readonly state: State
}

export function initialState<State>(of: Aggregate<string, State, EventMap, CommandMap>): VersionedState<State> {
  return { version: 0, state: of.initial() }
}

/** Folds one event of the aggregate over its state. The event must be the next version. */
export function evolveState<State>(
  of: Aggregate<string, State, EventMap, CommandMap>,
  current: VersionedState<State>,
  event: DomainEvent,
): VersionedState<State> {
  const member = event.type.slice(of.name.length + 1)
  const evolve = of.evolve[member] as ((state: State, data: unknown, event: DomainEvent) => State) | undefined
  const state = evolve === undefined ? current.state : evolve(current.state, event.data, event)
  return { version: event.version, state }
}

function assertMember(aggregateName: string, kind: string, member: string): void {
  if (!MEMBER.test(member)) {
    throw new TypeError(
      `${kind} "${member}" of aggregate "${aggregateName}" is not usable as a stored type: use camelCase, ` +
        'starting with a lower-case letter, at most 60 characters.',
    )
  }
}
