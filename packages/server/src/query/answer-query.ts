import type { QueryDefinition, QueryInput, QueryOutput } from '@tidemark/core'
import type { SqlProjection } from '@tidemark/projections'
import type { QueryParameter } from '@tidemark/store'

/** What the code behind a query may use. It knows the tenant and no more of the caller, so results can be shared. */
export interface QueryContext {
  /** First in every `where`: the tables hold all tenants. */
  readonly tenant: string
  /** Of the projection's tables. */
  readonly schema: string
  /** Runs one statement, which must only read. Rows as the store's driver gives them: dates and arrays as texts. */
  readonly sql: <Row extends object>(text: string, parameters?: readonly QueryParameter[]) => Promise<readonly Row[]>
}

/** A query with the code that answers it. */
export interface QueryHandler {
  readonly definition: QueryDefinition
  readonly from: SqlProjection
  /** `input` has passed the definition's schema. */
  readonly read: (input: unknown, context: QueryContext) => Promise<unknown>
}

/**
 * Binds a query to a SQL projection and the code that reads its tables. The code must give the same answer for the same
 * input and tables: answers are kept for as long as the tables do not change.
 */
export function answerQuery<Q extends QueryDefinition>(
  definition: Q,
  options: {
    readonly from: SqlProjection
    readonly read: (input: QueryInput<Q>, context: QueryContext) => Promise<QueryOutput<Q>>
  },
): QueryHandler {
  return { definition, from: options.from, read: options.read as QueryHandler['read'] }
}
