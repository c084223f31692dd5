import type { SqlProjectionLag, SqlProjections } from '@tidemark/projections'
import { toPrometheusText, type Metric } from './prometheus-text.ts'

/** How far each SQL projection is behind each lane, in the text format of Prometheus. Throws DatabaseError. */
export async function readSqlMetrics(from: Pick<SqlProjections, 'lag'>): Promise<string> {
  const lags = await from.lag()
  const metric = (name: string, help: string, valueOf: (lag: SqlProjectionLag) => number): Metric => ({
    name: `tidemark_sql_projections_${name}`,
    type: 'gauge',
    help,
    samples: lags.map((lag) => ({
      labels: { projection: lag.name, version: lag.version, lane: lag.lane },
      value: valueOf(lag),
    })),
  })
  return toPrometheusText([
    metric('lag_events', 'Events that the projection is behind the log.', (lag) => lag.events),
    metric('lag_seconds', 'Age of the oldest event that is not in its tables.', (lag) =>
      lag.events === 0 ? 0 : lag.seconds,
    ),
    metric('parked_events', 'Events set aside, those behind others included.', (lag) => lag.parked),
    metric('building', '1 while its tables are filled for the first time.', (lag) => Number(lag.state === 'building')),
    metric('stopped', '1 while it stands still although it is behind: newer code or a repair is what helps.', (lag) =>
      Number(lag.blocked !== undefined || lag.failure !== undefined),
    ),
  ])
}
