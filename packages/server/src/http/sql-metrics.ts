import type { SqlCounters, SqlProjectionLag, SqlProjections } from '@tidemark/projections'
import { toPrometheusText, type Metric } from './prometheus-text.ts'

/** How far each SQL projection is behind each lane, and what this process has done about it, in the text format of Prometheus. Throws DatabaseError. */
export async function readSqlMetrics(from: Pick<SqlProjections, 'lag' | 'counters'>): Promise<string> {
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
  const counters = from.counters()
  const counter = (name: string, help: string, valueOf: (counts: SqlCounters) => number): Metric => ({
    name: `tidemark_sql_projections_${name}`,
    type: 'counter',
    help,
    samples: counters.map((counts) => ({
      labels: { projection: counts.name, version: counts.version, lane: counts.lane },
      value: valueOf(counts),
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
    metric(
      'code_changed',
      '1 where other code fills its tables than this process runs, under the same version.',
      (lag) => Number(lag.code === 'changed'),
    ),
    counter('events_total', 'Events moved over by this process.', (counts) => counts.events),
    counter('batches_total', 'Batches written by this process.', (counts) => counts.batches),
    counter(
      'parked_total',
      'Events that this process set aside for what is wrong with themselves.',
      (counts) => counts.parked,
    ),
    counter('failures_total', 'Rounds that failed and were tried again.', (counts) => counts.failures),
    counter('hung_total', 'Times that code of the app did not end and was broken off.', (counts) => counts.hung),
  ])
}
