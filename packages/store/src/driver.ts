/**
 * The driver port: all that this package and its siblings ask of a Postgres driver. There are no transactions here on
 * purpose. Drivers have been seen to commit half of one when a backend is killed between two statements, and to hang
 * their pool; so every write that matters is one statement or one function call, and every call has a deadline.
 */

/** Arrays are passed as array literals (`'{1,2}'`) and JSON as text, both made by the caller. */
export type QueryParameter = string | number | boolean | null

/**
 * A row by column name. `bigint` and smaller integers are numbers, `jsonb` and `json` are parsed, `boolean` is boolean,
 * `timestamptz` is an ISO 8601 string in UTC with milliseconds; everything else, arrays too, is text as Postgres
 * prints it.
 */
export type Row = { readonly [column: string]: unknown }

export interface QueryOptions {
  /** The call is given up after so many milliseconds. The driver's default is in {@link DriverOptions}. */
  readonly deadlineMs?: number
}

export interface Driver {
  /**
   * Runs one statement as a prepared statement, in a transaction of its own.
   *
   * `R` is the caller's word for the shape of a row; nothing checks it.
   *
   * @throws DatabaseError; its `kind` says whether the statement may have been committed.
   */
  query<R extends object = Row>(
    text: string,
    parameters?: readonly QueryParameter[],
    options?: QueryOptions,
  ): Promise<readonly R[]>

  /**
   * Runs several statements without parameters in one implicit transaction (the simple protocol): all of them happen,
   * or none. For migrations. The text must not hold `begin`, `commit` or `rollback`.
   *
   * @throws DatabaseError
   */
  script(text: string, options?: QueryOptions): Promise<void>

  /** Resolves within `withinMs`, calls in flight or not; what is still in flight then fails as `unknown`. */
  close(withinMs: number): Promise<void>
}

export interface DriverOptions {
  /** `postgres://user:password@host:port/database` */
  readonly url: string
  readonly maxConnections: number
  /** Shown in `pg_stat_activity`. */
  readonly applicationName: string
  /** Default deadline of a call, waiting for a connection included. */
  readonly deadlineMs: number
  /** Session settings, such as `lock_timeout`. Times are in milliseconds. */
  readonly settings?: Readonly<Record<string, string | number>>
  /** Called when a connection was lost or the pool was replaced: what was learnt from the server may be stale. */
  readonly onLost?: () => void
}
