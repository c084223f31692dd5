import { openSqlProjections, type SqlProjections } from '@tidemark/projections'
import type { QueryHandler } from '@tidemark/server'
import type { PostgresStore } from '@tidemark/store'
import { depot } from '../../domain/index.ts'
import { dailyRevenue, Revenue } from './revenue.ts'
import { search, SearchIndex } from './search-index.ts'
import { StockCounters, stockTotals } from './stock-totals.ts'

/** What answers the depot's queries. */
export interface Reports {
  readonly projections: SqlProjections
  readonly handlers: readonly QueryHandler[]
}

/** @throws TablesChangedError, DatabaseError */
export async function openReports(store: PostgresStore, onError: (error: unknown) => void): Promise<Reports> {
  const projections = await openSqlProjections({
    store,
    domain: depot,
    projections: [SearchIndex, Revenue, StockCounters],
    onError,
  })
  return { projections, handlers: [search, dailyRevenue, stockTotals] }
}
