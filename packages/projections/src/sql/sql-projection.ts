import { definitionText, type AnyAggregate, type DomainEvent, type EventData, type EventsOf } from '@tidemark/core'

/** A statement with its values; `$1` to `$16` stand for them. */
export interface SqlStatement {
  /**
   * Values arrive as texts: cast those that go into anything else (`$2::bigint`). Keep the text the same for all events
   * of a kind; what differs belongs into the values.
   */
  readonly text: string
  readonly values: readonly (string | number | boolean | null)[]
}

/** What stands beside an event when its statements are made. */
export interface SqlContext {
  /** The projection's schema as it stands in SQL: `insert into ${schema}.days …`. */
  readonly schema: string
  /** First column of every key of every table: one table holds all tenants. */
  readonly tenant: string
  /** When the log stored the event. ISO 8601, UTC. */
  readonly recordedAt: string
}

type Statements = SqlStatement | readonly SqlStatement[]

type EventsByType<A> = A extends AnyAggregate
  ? { [Name in keyof EventsOf<A> & string as `${A['name']}.${Name}`]: EventData<EventsOf<A>[Name]> }
  : never

type UnionToIntersection<U> = (U extends unknown ? (member: U) => void : never) extends (all: infer I) => void
  ? I
  : never

type AppliedTypes<On extends readonly AnyAggregate[]> = UnionToIntersection<EventsByType<On[number]>>

export interface SqlProjectionOptions<On extends readonly AnyAggregate[]> {
  /** The aggregates whose events are applied. */
  readonly on: On
  /** Raise it whenever the tables or the statements change: it is then built anew, beside the old one. Default 1. */
  readonly version?: number
  /** The statements that create its tables and indexes, run once. */
  readonly tables: (schema: string) => readonly string[]
  /**
   * By full event type: what the event writes. Pure, and applied exactly once, so counters may simply be raised. Events
   * of a stream come in their order; what one stream's events write must not depend on those of another, since one
   * stream may be held up by an event that failed.
   */
  readonly apply: {
    readonly [Type in keyof AppliedTypes<On> & string]?: (
      event: DomainEvent<Type, AppliedTypes<On>[Type]>,
      context: SqlContext,
    ) => Statements
  }
}

/** Tables for reads on the server, written by SQL. Declared with {@link sqlProjection}. */
export interface SqlProjection {
  readonly name: string
  readonly version: number
  readonly aggregates: readonly AnyAggregate[]
  /** Full event types that have statements. */
  readonly types: ReadonlySet<string>
  readonly schema: string
  /** Statements that create the tables. */
  readonly tables: readonly string[]
  readonly apply: (event: DomainEvent, context: Omit<SqlContext, 'schema'>) => readonly SqlStatement[]
  /** @internal Text of the code that makes its statements, for noticing that it changed. */
  readonly definition: () => string
}

/** Most values of one statement: what the function that runs it has room for. */
const MAX_VALUES = 16
const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/
/** Leaves room for the schema's prefix and the version in Postgres's 63 bytes. */
const MAX_NAME = 40

/**
 * Declares a SQL projection: tables of its own, and for each kind of event the statements that bring them up to date.
 * They run in the call that moves the projection's checkpoint, so each event counts once, whatever crashes.
 *
 * @throws TypeError where it is declared over nothing, or for an event its aggregates do not have.
 * @example
 * const DailyOrders = sqlProjection('daily-orders', {
 *   on: [Order],
 *   tables: (schema) => [
 *     `create table ${schema}.days (tenant text, day date, orders bigint, primary key (tenant, day))`,
 *   ],
 *   apply: {
 *     'order.placed': (e, { schema, tenant }) => ({
 *       text: `insert into ${schema}.days as d values ($1, $2::date, 1)
 *              on conflict (tenant, day) do update set orders = d.orders + 1`,
 *       values: [tenant, e.occurredAt.slice(0, 10)],
 *     }),
 *   },
 * })
 */
export function sqlProjection<const On extends readonly AnyAggregate[]>(
  name: string,
  options: SqlProjectionOptions<On>,
): SqlProjection {
  const { on, version = 1 } = options
  if (!NAME.test(name) || name.length > MAX_NAME) {
    throw new TypeError(`SQL projection name "${name}" is not usable: kebab-case, at most ${MAX_NAME} characters.`)
  }
  if (!Number.isSafeInteger(version) || version < 1) {
    throw new TypeError(`SQL projection "${name}" has version ${version}; versions are whole numbers from 1.`)
  }
  const known = new Set(on.flatMap((a) => Object.keys(a.events).map((member) => `${a.name}.${member}`)))
  const handlers = new Map(
    Object.entries(options.apply as unknown as Record<string, (event: DomainEvent, context: SqlContext) => Statements>),
  )
  for (const type of handlers.keys()) {
    if (!known.has(type))
      throw new TypeError(`SQL projection "${name}" applies "${type}", which none of its aggregates declares.`)
  }
  const schema = schemaOf({ name, version })
  return {
    name,
    version,
    aggregates: on,
    types: new Set(handlers.keys()),
    schema,
    tables: options.tables(schema),
    definition: () => definitionText(on, [...handlers].sort(byType), []),
    apply: (event, context) => {
      const made = handlers.get(event.type)?.(event, { ...context, schema }) ?? []
      const statements = 'text' in made ? [made] : made
      for (const { text, values } of statements) {
        if (values.length > MAX_VALUES) {
          throw new TypeError(
            `A statement has ${values.length} values and may have ${MAX_VALUES}: ${text.slice(0, 80)}`,
          )
        }
      }
      return statements
    },
  }
}

const byType = ([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number =>
  one < other ? -1 : 1

/** The schema of a version's tables; a name that needs no quotes. */
function schemaOf({ name, version }: { readonly name: string; readonly version: number }): string {
  return `sql_${name.replaceAll('-', '_')}_v${version}`
}
