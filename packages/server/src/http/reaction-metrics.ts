import type { ReactionTools, StoredReactionLag } from '@tidemark/projections'
import { toPrometheusText, type Metric } from './prometheus-text.ts'

/** What the database knows of reactions, whichever process runs them, in the text format of Prometheus. */
export async function readReactionMetrics(reactions: Pick<ReactionTools, 'lag'>): Promise<string> {
  const lags = await reactions.lag()
  const gauge = (name: string, help: string, value: (lag: StoredReactionLag) => number): Metric => ({
    name: `tidemark_reactions_${name}`,
    type: 'gauge',
    help,
    samples: lags.map((lag) => ({ labels: { reaction: lag.reaction, lane: lag.lane }, value: value(lag) })),
  })
  return toPrometheusText([
    gauge('lag_events', 'Events that the reaction is behind the log.', ({ head, checkpoint }) =>
      Math.max(0, head - checkpoint),
    ),
    gauge('lag_seconds', 'Age of the oldest event that it has not looked at.', ({ seconds }) => seconds),
    gauge('parked_events', 'Events set aside, those behind others included.', ({ parked }) => parked),
  ])
}
