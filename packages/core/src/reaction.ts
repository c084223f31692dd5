import { assertName, type AnyAggregate, type EventsOf, type StateOf } from './aggregate.ts'
import type { CommandInput, RefusalCode } from './command.ts'
import type { DomainEvent, EventData } from './event.ts'
import { deriveId, type StreamId, type Uuid } from './id.ts'
import type { Allow, Principal } from './principal.ts'
import type { Json, JsonObject } from './stored-json.ts'

/** A refusal as the reaction that sent the command hears of it. */
export interface HeardRefusal<Code extends string = string> {
  readonly code: Code
  readonly params: JsonObject
}

/**
 * What follows when a command that was sent is refused: another command, or nothing at all. A refusal is a result like
 * any other, so the same one is heard however often the event is reacted to.
 */
export type OnRefused<Code extends string = string> =
  | 'nothing'
  | ((refusal: HeardRefusal<Code>) => SentCommand | undefined)

/** A command that a reaction wants executed. Made by `send`. */
export interface SentCommand {
  readonly kind: 'sent'
  /** Full type, `<aggregate>.<command>`. */
  readonly type: string
  readonly schema: number
  readonly stream: StreamId
  readonly input: Json
  readonly onRefused: OnRefused
}

/**
 * Makes a command for the instance of an aggregate with this key. One that may be refused must say what follows.
 * Throws on a key that cannot be part of a stream id.
 */
export type Send = <A extends AnyAggregate, Name extends keyof A['commands'] & string>(
  to: A,
  key: string,
  command: Name,
  input: CommandInput<A['commands'][Name]>,
  ...refusal: [RefusalCode<A['commands'][Name]>] extends [never]
    ? []
    : [more: { readonly onRefused: OnRefused<RefusalCode<A['commands'][Name]>> }]
) => SentCommand

export interface ReactContext<State = unknown> {
  readonly send: Send
  /** The event's stream just before it. */
  readonly before: State
}

export interface ReactionOptions<A extends AnyAggregate> {
  /** The aggregate whose events are reacted to. */
  readonly on: A
  /**
   * One pure function per event of interest. `state` is the event's stream as the event left it, whatever has happened
   * since: so the same event always leads to the same commands.
   */
  readonly react: {
    readonly [Name in keyof EventsOf<A> & string]?: (
      state: StateOf<A>,
      event: DomainEvent<string, EventData<EventsOf<A>[Name]>>,
      ctx: ReactContext<StateOf<A>>,
    ) => SentCommand | readonly SentCommand[] | undefined
  }
  /** Events that are left out, cheaply: nothing is loaded for them. Pure. Default: none. */
  readonly when?: (event: DomainEvent) => boolean
  /** Roles of the principal it acts as, for commands whose `allow` asks for one. Default: none. */
  readonly roles?: readonly string[]
  /**
   * Where it begins when a log first meets it. Default `end`: with the next event. `beginning`: with the log's first,
   * and then it acts on all that ever happened.
   */
  readonly startAt?: 'end' | 'beginning'
}

/** A process that answers events with commands. See {@link reaction}. */
export interface Reaction {
  readonly kind: 'reaction'
  readonly name: string
  readonly aggregate: AnyAggregate
  /** Full event types that have a handler. */
  readonly types: ReadonlySet<string>
  readonly roles: readonly string[]
  readonly startAt: 'end' | 'beginning'
  readonly when: (event: DomainEvent) => boolean
  /** @internal Erased; `commandsFor` is the way in. */
  readonly react: (state: unknown, event: DomainEvent, ctx: ReactContext) => readonly SentCommand[]
}

const PREFIX = 'reaction:'

/** Id of the principal that a reaction's commands are sent by. No token can carry it. */
export function reactionPrincipalId(name: string): string {
  return `${PREFIX}${name}`
}

/** Whether an id is one of those that only reactions act under. */
export function isReactionPrincipalId(id: string): boolean {
  return id.startsWith(PREFIX)
}

/** Allows the named reactions and nobody else. */
export function byReaction(...names: readonly [string, ...string[]]): Allow {
  const ids = new Set(names.map(reactionPrincipalId))
  return (principal) => ids.has(principal.id)
}

/**
 * Declares a reaction: events to commands, on the server only. Its commands go through the same pipeline as those of
 * devices, under ids that follow from the event's, so each is executed once however often the event is looked at.
 *
 * @example
 * const ReserveStock = reaction('reserve-stock', {
 *   on: Order,
 *   react: {
 *     lineAdded: (_, e, { send }) =>
 *       send(Product, e.data.sku, 'reserve', { line: e.data.line, quantity: e.data.quantity }, {
 *         onRefused: ({ params }) => send(Order, orderKey(e), 'markShort', { line: e.data.line, free: params.free }),
 *       }),
 *   },
 * })
 */
export function reaction<A extends AnyAggregate>(name: string, options: ReactionOptions<A>): Reaction {
  assertName('Reaction', name)
  type Handler = (
    state: unknown,
    event: DomainEvent,
    ctx: ReactContext,
  ) => SentCommand | readonly SentCommand[] | undefined
  const handlers = new Map<string, Handler>()
  for (const [member, handler] of Object.entries(options.react)) {
    if (options.on.events[member] === undefined) {
      throw new TypeError(`Reaction "${name}" reacts to "${options.on.name}.${member}", which is not declared.`)
    }
    handlers.set(`${options.on.name}.${member}`, handler as Handler)
  }
  return {
    kind: 'reaction',
    name,
    aggregate: options.on,
    types: new Set(handlers.keys()),
    roles: options.roles ?? [],
    startAt: options.startAt ?? 'end',
    when: options.when ?? (() => true),
    react: (state, event, ctx) => {
      const sent = handlers.get(event.type)?.(state, event, ctx)
      if (sent === undefined) return []
      return Array.isArray(sent) ? (sent as readonly SentCommand[]) : [sent as SentCommand]
    },
  }
}

/** The principal that a reaction acts as in a tenant. */
export function reactionPrincipal(of: Pick<Reaction, 'name' | 'roles'>, tenant: string): Principal {
  return { id: reactionPrincipalId(of.name), tenant, name: of.name, roles: of.roles }
}

/** A command with the id it is executed under. */
export interface ReactionCommand extends SentCommand {
  readonly id: Uuid
}

/** The command itself, given the id that follows from the event's and its place among the event's commands. */
export function identified(
  name: string,
  event: Pick<DomainEvent, 'id'>,
  n: number,
  sent: SentCommand,
): ReactionCommand {
  return { ...sent, id: deriveId(event.id, 'reaction', name, String(n)) }
}

/**
 * What a reaction answers an event with. Pure: the same event gives the same commands under the same ids, so that it
 * does no harm to ask twice. Throws what the handler throws.
 */
export function commandsFor(
  of: Reaction,
  event: DomainEvent,
  states: { readonly before: unknown; readonly after: unknown },
): readonly ReactionCommand[] {
  const sent = of.react(states.after, event, { send, before: states.before })
  return sent.map((one, n) => identified(of.name, event, n, one))
}

/** The command that follows a refused one, if one does. Throws what the follow-up's function throws. */
export function followUpOf(refused: ReactionCommand, refusal: HeardRefusal): ReactionCommand | undefined {
  const sent = refused.onRefused === 'nothing' ? undefined : refused.onRefused(refusal)
  return sent === undefined ? undefined : { ...sent, id: deriveId(refused.id, 'refused') }
}

/** Makes a {@link SentCommand}; handlers get it as `ctx.send`. */
export const send: Send = (to, key, command, input, ...refusal) => {
  const definition = to.commands[command]
  if (definition === undefined) throw new TypeError(`Aggregate "${to.name}" has no command "${command}".`)
  const [more] = refusal as readonly [{ readonly onRefused: OnRefused }?]
  return {
    kind: 'sent',
    type: definition.type,
    schema: definition.version,
    stream: to.stream(key),
    input: input as Json,
    onRefused: more?.onRefused ?? 'nothing',
  }
}
