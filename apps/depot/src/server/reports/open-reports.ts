import { openSqlProjections, type SqlProjections } from '@tidemark/projections'
import type { Logger, QueryHandler } from '@tidemark/server'
import type { PostgresStore } from '@tidemark/store'
import { depot } from '../../domain/index.ts'
import { logReportAlert } from './log-report-alert.ts'
import { dailyRevenue, Revenue } from './revenue.ts'
import { search, SearchIndex } from './search-index.ts'
import { StockCounters, stockTotals } from './stock-totals.ts'

/** What answers the depot's queries. */
export interface Reports {
  readonly projections: SqlProjections
  readonly handlers: readonly QueryHandler[]
}

/** @throws TablesChangedError, DatabaseError */
export async function openReports(store: PostgresStore, logger: Logger): Promise<Reports> {
  const projections = await openSqlProjections({
    store,
    domain: depot,
    projections: [SearchIndex, Revenue, StockCounters],
    onError: (error) => logger.error('a report is being retried', { error: String(error).slice(0, 200) }),
    onAlert: (alert) => logReportAlert(logger, alert),
  })
  return { projections, handlers: [search, dailyRevenue, stockTotals] }
}
