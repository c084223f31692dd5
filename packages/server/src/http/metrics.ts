import type { Projections } from '@tidemark/projections'
import { toPrometheusText, type Metric } from './prometheus-text.ts'

/** What the projections of this process and its database say of themselves, in the text format of Prometheus. */
export async function readMetrics(projections: Pick<Projections, 'lag' | 'counters'>): Promise<string> {
  const lanes = await projections.lag()
  const counters = projections.counters()
  const gauge = (name: string, help: string, value: (lane: (typeof lanes)[number]) => number): Metric => ({
    name: `tidemark_projections_${name}`,
    type: 'gauge',
    help,
    samples: lanes.map((lane) => ({ labels: { lane: lane.lane }, value: value(lane) })),
  })
  const counter = (name: string, help: string, value: (lane: (typeof counters)[number]) => number): Metric => ({
    name: `tidemark_projections_${name}`,
    type: 'counter',
    help,
    samples: counters.map((lane) => ({ labels: { lane: lane.lane }, value: value(lane) })),
  })
  return toPrometheusText([
    gauge('lag_events', 'Events that the rows are behind the log.', (lane) => lane.events),
    gauge('lag_seconds', 'Age of the oldest event that is not in the rows.', (lane) => lane.seconds),
    gauge('head_position', 'Highest position of the log.', (lane) => lane.head),
    gauge('parked_events', 'Events set aside, those behind others included.', (lane) => lane.parked),
    gauge('blocked', '1 where the rows stand still until other code runs.', (lane) =>
      lane.blocked === undefined ? 0 : 1,
    ),
    gauge('failing', '1 while a failure is being retried in this process.', (lane) =>
      lane.failure === undefined ? 0 : 1,
    ),
    gauge('leased', '1 where this process works.', (lane) => (lane.lease?.kind === 'held' ? 1 : 0)),
    gauge(
      'heartbeat_age_seconds',
      'Time since the loop of this process came round.',
      (lane) => lane.heartbeatAgeMs / 1_000,
    ),
    counter('events_total', 'Events moved over by this process.', (lane) => lane.events),
    counter('batches_total', 'Batches written by this process.', (lane) => lane.batches),
    counter('rows_total', 'Rows written by this process.', (lane) => lane.rows),
    counter('busy_seconds_total', 'Time spent reading, folding and writing.', (lane) => lane.busyMs / 1_000),
    counter(
      'parked_total',
      'Events that this process set aside for what is wrong with themselves.',
      (lane) => lane.parked,
    ),
    counter('failures_total', 'Rounds that failed and were tried again.', (lane) => lane.failures),
    counter('hung_total', 'Times that code of the app did not end and was broken off.', (lane) => lane.hung),
    counter('breaker_opened_total', 'Times that the circuit breaker opened.', (lane) => lane.breakerOpened),
  ])
}
