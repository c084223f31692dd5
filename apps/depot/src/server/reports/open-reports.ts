import { openSqlProjections, type SqlProjections } from '@tidemark/projections'
import type { QueryHandler } from '@tidemark/server'
import type { PostgresStore } from '@tidemark/store'
import { depot } from '../../domain/index.ts'
import { dailyRevenue, Revenue } from './revenue.ts'
import { search, SearchIndex } from './search-index.ts'
import { StockCounters, stockTotals } from './stock-totals.ts'

const projections = [SearchIndex, Revenue, StockCounters]

/** What answers the depot's queries. */
export interface Reports {
  readonly projections: SqlProjections
  readonly handlers: readonly QueryHandler[]
  /** Waits until all of them hold what the log held; `false` where that took longer. */
  caughtUp(place: { readonly lane: number; readonly position: number }, timeoutMs: number): Promise<boolean>
}

/** @throws TablesChangedError, DatabaseError */
export async function openReports(store: PostgresStore, onError: (error: unknown) => void): Promise<Reports> {
  const opened = await openSqlProjections({ store, domain: depot, projections, onError })
  return {
    projections: opened,
    handlers: [search, dailyRevenue, stockTotals],
    caughtUp: async (place, timeoutMs) => {
      const reached = await Promise.all(projections.map((one) => opened.waitFor(one, place, timeoutMs)))
      return reached.every(({ kind }) => kind === 'reached')
    },
  }
}
