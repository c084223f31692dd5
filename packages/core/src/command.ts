import type { Json, JsonObject } from './stored-json.ts'
import type { AnySchema, InputOf, OutputOf } from './schema.ts'
import type { DomainEvent, Emitted, EventInput, EventMap } from './event.ts'
import { resolveUpcasts, type UpcastChain, type Upcasts } from './upcast-chain.ts'
import type { Allow, Principal } from './principal.ts'
import type { StreamId, Uuid } from './id.ts'

/** A typed domain "no" from `decide`: a value, never a throw. Codes and parameters travel, not sentences. */
export interface Refusal<Code extends string = string> {
  readonly kind: 'refusal'
  readonly code: Code
  readonly params: JsonObject
}

export type Emit<Events extends EventMap> = {
  readonly [Name in keyof Events & string]: (data: EventInput<Events[Name]>) => Emitted<Name>
}

/** What `decide` may know besides state and input. All of it is the same on the device and on the server. */
export interface DecideContext<Events extends EventMap = EventMap> {
  readonly emit: Emit<Events>
  readonly refuse: <const Code extends string>(code: Code, params?: JsonObject) => Refusal<Code>
  readonly principal: Principal
  readonly streamId: StreamId
  /** ISO 8601, UTC: the device's time when the command was made, clamped by the server. */
  readonly occurredAt: string
  /** A fresh id that is the same wherever this command is decided. Give each use in one command its own label. */
  readonly id: (label?: string) => Uuid
}

export type Decision<Events extends EventMap, Code extends string> =
  | Emitted<keyof Events & string>
  | readonly Emitted<keyof Events & string>[]
  | Refusal<Code>

/** What a conflict policy may look at when a command arrives on a version that others have moved past. */
export interface ConflictView<State, Input> {
  readonly state: State
  /** The events the author had not seen, oldest first. */
  readonly theirs: readonly DomainEvent[]
  readonly input: Input
}

export type ConflictChoice<Input> = 'rebase' | 'reject' | { readonly input: Input }

export type ConflictPolicy<State, Input> =
  | 'rebase'
  | 'reject'
  | ((view: ConflictView<State, Input>) => ConflictChoice<Input>)

interface CommandOptions<Input = never> {
  /** Schema version of the input, from 1. Default 1, or what the chain in `upcast` leads to. */
  readonly version?: number
  /** A table of functions, or a typed chain (`upcasts`) that must end in what the schema reads. */
  readonly upcast?: Upcasts | UpcastChain<Input>
  /** No longer accepted: pending ones are shown to a person, not folded. */
  readonly retired?: boolean
  /** Who may send it. Default: every member of the tenant. Checked on the server at arrival, and by screens. */
  readonly allow?: Allow
  /** What happens without a network: done at once, or kept and sent later without being shown as done. */
  readonly offline?: 'optimistic' | 'queued'
}

/** What `decide` is given as state: a commutative command is appended without a version check and gets none. */
type StateFor<Policy, State> = [Policy] extends ['merge'] ? undefined : State

export interface CommandDefinition<S extends AnySchema = AnySchema, Code extends string = string> {
  /** Full type, `<aggregate>.<command>`. */
  readonly type: string
  readonly aggregate: string
  readonly schema: S
  readonly version: number
  readonly upcast: Upcasts
  readonly retired: boolean
  readonly allow: Allow
  readonly offline: 'optimistic' | 'queued'
  /** Phantom: the refusal codes that `decide` can answer with. */
  readonly codes?: Code
  /** @internal State is erased here; `decideCommand` is the typed way in. */
  readonly policy: 'merge' | ConflictPolicy<never, never>
  /** @internal */
  readonly decide: (state: never, input: never, ctx: DecideContext<never>) => Decision<never, string>
}

export type CommandMap = Readonly<Record<string, CommandDefinition>>
export type CommandInput<C> =
  C extends CommandDefinition<infer S> ? NonNullable<S['~standard']['types']>['input'] : never
export type RefusalCode<C> = C extends { readonly codes?: infer Code } ? Extract<Code, string> : never

/**
 * Declares a command of one aggregate. It is handed to the `commands` callback of `aggregate` rather than imported:
 * TypeScript does not carry the aggregate's state into a generic call nested in the same literal, a callback
 * parameter it does.
 */
export interface CommandBuilder<State, Events extends EventMap> {
  <
    S extends AnySchema,
    Code extends string = never,
    Policy extends 'merge' | ConflictPolicy<State, OutputOf<S>> = ConflictPolicy<State, OutputOf<S>>,
  >(
    schema: S,
    options: CommandOptions<InputOf<S>> & {
      /**
       * What happens when others have moved the stream past the version the command was decided on. Default
       * `'rebase'`: decide again on the current state. `'merge'`: commutative, no version check, no state.
       */
      readonly onConflict?: Policy
      readonly decide: (
        state: StateFor<Policy, State>,
        input: OutputOf<S>,
        ctx: DecideContext<Events>,
      ) => Decision<Events, Code>
    },
  ): CommandDefinition<S, NoInfer<Code>>
}

/** @internal The one builder behind every {@link CommandBuilder}; `aggregate` stamps type and aggregate. */
export function defineCommand(
  schema: AnySchema,
  options: CommandOptions & {
    readonly onConflict?: 'merge' | ConflictPolicy<never, never>
    readonly decide: (state: never, input: never, ctx: DecideContext<never>) => Decision<never, string>
  },
): CommandDefinition {
  return {
    type: '',
    aggregate: '',
    schema,
    ...resolveUpcasts('a command', options.version, options.upcast),
    retired: options.retired ?? false,
    allow: options.allow ?? (() => true),
    offline: options.offline ?? 'optimistic',
    policy: options.onConflict ?? 'rebase',
    decide: options.decide,
  }
}

/** Input of a command as it is stored and sent: never changed, whatever happens to the schema later. */
export interface StoredCommand {
  readonly id: Uuid
  readonly type: string
  readonly schema: number
  readonly stream: StreamId
  readonly input: Json
}
