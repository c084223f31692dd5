import { validate, type AnySchema, type OutputOf } from './schema.ts'
import type { DomainEvent, EventData, EventMap } from './event.ts'
import {
  assertName,
  evolveState,
  initialState,
  type AnyAggregate,
  type EventsOf,
  type VersionedState,
} from './aggregate.ts'
import { TENANT_SCOPE } from './principal.ts'

/** A field of the row, ascending; with a leading `-` descending. */
export type IndexField<Row> = (keyof Row & string) | `-${keyof Row & string}`

type EventsByType<A> = A extends AnyAggregate
  ? { [Name in keyof EventsOf<A> & string as `${A['name']}.${Name}`]: EventData<EventsOf<A>[Name]> }
  : never

type UnionToIntersection<U> = (U extends unknown ? (member: U) => void : never) extends (all: infer I) => void
  ? I
  : never

/** Data by handler name: short event names over one aggregate, full types over several. */
type Foldable<On> = On extends readonly AnyAggregate[]
  ? UnionToIntersection<EventsByType<On[number]>>
  : { [Name in keyof EventsOf<On> & string]: EventData<EventsOf<On>[Name]> }

type Handlers<On, Row> = {
  readonly [Name in keyof Foldable<On> & string]?: (
    row: Row | undefined,
    event: DomainEvent<string, Foldable<On>[Name]>,
  ) => Row | undefined
}

/**
 * Says that a version's rows are those of an earlier one with something put in or left out: it is then built from these
 * rows, and the events since, instead of from the whole log.
 */
export interface Upgrade<Former extends object, Row> {
  /** The earlier version. Its `key`, `scope` and event types must be the same; else the rows are built from the log. */
  readonly from: number
  /**
   * The row as `fold` would have made it of all its events; pure. Annotate `old` with the earlier row. What it returns is
   * checked against the row's schema, not against the log: `tidemark projections verify` does that.
   */
  readonly row: (old: Former) => Row
}

export interface ProjectionOptions<
  On extends AnyAggregate | readonly AnyAggregate[],
  RowSchema extends AnySchema,
  Former extends object = never,
> {
  /** The aggregates whose events are folded. */
  readonly on: On
  /** Raise it whenever `key`, `fold`, `scope` or the row's shape changes: the rows are then built anew. Default 1. */
  readonly version?: number
  /** Shape of a row: a flat object of plain JSON. */
  readonly row: RowSchema
  /** Which row an event belongs to. Default: the event's stream. `undefined` skips the event. */
  readonly key?: (event: DomainEvent) => string | undefined
  /** One pure function per event of interest: the row after it, or `undefined` where there is none any more. */
  readonly fold: NoInfer<Handlers<On, OutputOf<RowSchema>>>
  /** Orders that clients may list rows in, by name. */
  readonly indexes?: Readonly<Record<string, readonly IndexField<OutputOf<RowSchema>>[]>>
  /** Who may see the row. Default: the whole tenant. */
  readonly scope?: (row: OutputOf<RowSchema>) => string
  /** How rows of an earlier version become rows of this one, where that needs no event. */
  readonly upgrade?: Upgrade<Former, OutputOf<RowSchema>>
}

export interface Projection<Name extends string = string, Row = unknown> {
  readonly name: Name
  readonly version: number
  readonly aggregates: readonly AnyAggregate[]
  /** Full event types that have a handler. */
  readonly types: ReadonlySet<string>
  readonly indexes: Readonly<Record<string, readonly string[]>>
  readonly key: (event: DomainEvent) => string | undefined
  /** The row after the event. Events without a handler leave it as it is. */
  readonly fold: (row: Row | undefined, event: DomainEvent) => Row | undefined
  readonly scope: (row: Row) => string
  /** Whether a stored row has the declared shape: one of an earlier version may not. */
  readonly isRow: (row: unknown) => boolean
  readonly upgrade?: Upgrade<never, Row>
  /** @internal Text of the code that makes its rows, for noticing that it changed. */
  readonly definition: () => string
  /** @internal Text of what says which events make which rows, in which scopes: not what is in them. */
  readonly placement: () => string
}

/** A projection whatever its row is; methods erase the row type. */
export interface AnyProjection {
  readonly name: string
  readonly version: number
  readonly aggregates: readonly AnyAggregate[]
  readonly types: ReadonlySet<string>
  readonly indexes: Readonly<Record<string, readonly string[]>>
  key(event: DomainEvent): string | undefined
  fold(row: unknown, event: DomainEvent): unknown
  scope(row: unknown): string
  isRow(row: unknown): boolean
  readonly upgrade?: { readonly from: number; row(old: unknown): unknown }
  /** @internal Absent where the code is not known. */
  definition?(): string
  /** @internal Absent where the code is not known. */
  placement?(): string
}

export type RowOf<P> = P extends { readonly fold: (row: infer Row, event: DomainEvent) => unknown }
  ? Exclude<Row, undefined>
  : never

/**
 * Declares a projection: rows folded from events, the same function in browser and server.
 *
 * @example
 * const OrderList = projection('order-list', {
 *   on: Order,
 *   row: z.object({ customer: z.string(), lines: z.number(), updatedAt: z.string() }),
 *   fold: {
 *     placed: (_, e) => ({ customer: e.data.customer, lines: 0, updatedAt: e.occurredAt }),
 *     lineAdded: (row, e) => row && { ...row, lines: row.lines + 1, updatedAt: e.occurredAt },
 *   },
 *   indexes: { recent: ['-updatedAt'] },
 * })
 */
export function projection<
  const Name extends string,
  const On extends AnyAggregate | readonly AnyAggregate[],
  RowSchema extends AnySchema,
  Former extends object = never,
>(name: Name, options: ProjectionOptions<On, RowSchema, Former>): Projection<Name, OutputOf<RowSchema>> {
  type Row = OutputOf<RowSchema>
  assertName('Projection', name)
  const several = Array.isArray(options.on)
  const aggregates = (several ? options.on : [options.on]) as readonly AnyAggregate[]
  const only = aggregates[0]
  if (only === undefined) throw new TypeError(`Projection "${name}" is declared over no aggregate.`)
  const known = new Set(aggregates.flatMap((a) => Object.keys(a.events).map((member) => `${a.name}.${member}`)))
  const handlers = new Map<string, (row: Row | undefined, event: DomainEvent) => Row | undefined>()
  for (const [member, handler] of Object.entries(options.fold)) {
    const type = several ? member : `${only.name}.${member}`
    if (!known.has(type))
      throw new TypeError(`Projection "${name}" folds "${type}", which none of its aggregates declares.`)
    handlers.set(type, handler as (row: Row | undefined, event: DomainEvent) => Row | undefined)
  }
  const version = options.version ?? 1
  const { upgrade } = options
  if (upgrade !== undefined && !(upgrade.from < version)) {
    throw new TypeError(
      `Projection "${name}" version ${version} upgrades version ${upgrade.from}: that must be an earlier one.`,
    )
  }
  return {
    name,
    version,
    aggregates,
    types: new Set(handlers.keys()),
    indexes: (options.indexes ?? {}) as Readonly<Record<string, readonly string[]>>,
    key: options.key ?? ((event) => event.streamId),
    fold: (row, event) => {
      const handler = handlers.get(event.type)
      return handler === undefined ? row : handler(row, event)
    },
    scope: options.scope ?? (() => TENANT_SCOPE),
    isRow: (row) => validate(options.row, row).ok,
    ...(upgrade === undefined ? {} : { upgrade: upgrade as unknown as Upgrade<never, Row> }),
    definition: () => definitionText(aggregates, [...handlers].sort(byName), [options.key, options.scope]),
    placement: () =>
      definitionText(
        aggregates,
        [...handlers.keys()].sort().map((type) => [type, undefined]),
        [options.key, options.scope],
      ),
  }
}

const byName = ([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number =>
  one < other ? -1 : 1

/** @internal Functions as they were written, and how the events they get are read. */
export function definitionText(
  aggregates: readonly AnyAggregate[],
  handlers: readonly (readonly [type: string, handler: unknown])[],
  others: readonly unknown[],
): string {
  const events = aggregates.flatMap((of) =>
    Object.entries(of.events).map(([member, { version, upcast }]) => [
      `${of.name}.${member}@${version}`,
      Object.entries(upcast).map(([from, step]) => `${from}:${String(step)}`),
    ]),
  )
  return JSON.stringify([events, handlers.map(([type, handler]) => [type, String(handler)]), others.map(String)])
}

/** Prefix of the built-in projections that carry aggregate states to clients. No declared projection can have it. */
export const STATE_PREFIX = 'state:'

/**
 * The built-in projection of an aggregate's states: what a device needs to decide without history. Its key is the
 * stream, its row the state at a version.
 */
export function stateProjection<State>(
  of: AnyAggregate & { readonly initial: () => State },
): Projection<string, VersionedState<State>> {
  const typed = of as unknown as import('./aggregate.ts').Aggregate<string, State, EventMap>
  return {
    name: `${STATE_PREFIX}${of.name}`,
    version: of.version,
    aggregates: [of],
    types: new Set(Object.keys(of.events).map((member) => `${of.name}.${member}`)),
    indexes: {},
    key: (event) => event.streamId,
    fold: (row, event) => evolveState(typed, row ?? initialState(typed), event),
    scope: (row) => (of.scope as (state: State) => string)(row.state),
    // A state has no declared shape.
    isRow: () => true,
    definition: () => definitionText([of], Object.entries(of.evolve).sort(byName), [of.initial, of.scope]),
    placement: () => definitionText([of], [], [of.scope]),
  }
}
