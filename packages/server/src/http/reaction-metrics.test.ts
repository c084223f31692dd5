import { expect, test } from 'vitest'
import { readReactionMetrics } from './reaction-metrics.ts'

test('reactions say how far behind they are, by name and lane', async () => {
  const lag = { reaction: 'reserve-stock', lane: 0, checkpoint: 5, head: 12, seconds: 1.5, parked: 3 }
  const text = await readReactionMetrics({ lag: async () => [lag, { ...lag, lane: 1, checkpoint: 12, parked: 0 }] })
  expect(text.split('\n')).toEqual([
    '# HELP tidemark_reactions_lag_events Events that the reaction is behind the log.',
    '# TYPE tidemark_reactions_lag_events gauge',
    'tidemark_reactions_lag_events{reaction="reserve-stock",lane="0"} 7',
    'tidemark_reactions_lag_events{reaction="reserve-stock",lane="1"} 0',
    '# HELP tidemark_reactions_lag_seconds Age of the oldest event that it has not looked at.',
    '# TYPE tidemark_reactions_lag_seconds gauge',
    'tidemark_reactions_lag_seconds{reaction="reserve-stock",lane="0"} 1.5',
    'tidemark_reactions_lag_seconds{reaction="reserve-stock",lane="1"} 1.5',
    '# HELP tidemark_reactions_parked_events Events set aside, those behind others included.',
    '# TYPE tidemark_reactions_parked_events gauge',
    'tidemark_reactions_parked_events{reaction="reserve-stock",lane="0"} 3',
    'tidemark_reactions_parked_events{reaction="reserve-stock",lane="1"} 0',
    '',
  ])
  expect(await readReactionMetrics({ lag: async () => [] })).toBe('')
})
