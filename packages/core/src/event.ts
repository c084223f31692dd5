import type { Json } from './stored-json.ts'
import type { AnySchema, InputOf, OutputOf } from './schema.ts'
import type { StreamId, Uuid } from './id.ts'
import { resolveUpcasts, type UpcastChain, type Upcasts } from './upcast-chain.ts'

export interface EventDefinition<S extends AnySchema = AnySchema> {
  readonly schema: S
  /** Schema version of newly written events, from 1. */
  readonly version: number
  readonly upcast: Upcasts
}

export interface EventOptions<Input = unknown> {
  /** Default 1, or what the chain in `upcast` leads to. */
  readonly version?: number
  /** A table of functions, or a typed chain (`upcasts`) that must end in what the schema reads. */
  readonly upcast?: Upcasts | UpcastChain<Input>
}

/**
 * Declares an event: the schema of its current version, and how older versions become it. A field that is only added needs
 * no new version: with a default in the schema, events stored before are read with the default (weak reading).
 */
export function event<S extends AnySchema>(schema: S, options: EventOptions<InputOf<S>> = {}): EventDefinition<S> {
  return { schema, ...resolveUpcasts('an event', options.version, options.upcast) }
}

export type EventMap = Readonly<Record<string, EventDefinition>>
export type EventData<E> = E extends EventDefinition<infer S> ? OutputOf<S> : never
export type EventInput<E> = E extends EventDefinition<infer S> ? InputOf<S> : never

/**
 * An event as `evolve` and projections see it: upcast, validated, and with only what browser and server both know,
 * so that both fold it to the same row.
 */
export interface DomainEvent<Type extends string = string, Data = unknown> {
  readonly id: Uuid
  /** Full type, `<aggregate>.<event>`. */
  readonly type: Type
  readonly streamId: StreamId
  readonly version: number
  readonly data: Data
  /** ISO 8601, UTC: when it happened on the device (clamped by the server). */
  readonly occurredAt: string
  /** Id of the principal who caused it. */
  readonly principal: string
}

/** What `emit` returns: an event of this aggregate that `decide` wants appended. */
export interface Emitted<Name extends string = string> {
  readonly kind: 'emitted'
  /** Short name, as declared in `events`. */
  readonly event: Name
  readonly data: Json
}
