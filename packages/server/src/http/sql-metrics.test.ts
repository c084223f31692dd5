import { expect, test } from 'vitest'
import { readSqlMetrics } from './sql-metrics.ts'

const lag = {
  name: 'revenue',
  version: 2,
  lane: 0,
  state: 'live',
  position: 5,
  head: 12,
  events: 7,
  seconds: 1.5,
  parked: 3,
  code: 'same',
} as const

const counts = { name: 'revenue', version: 2, lane: 0, events: 5, batches: 2, parked: 1, failures: 3, hung: 4 }

test('SQL projections say how far behind they are, by name, version and lane', async () => {
  const quiet = { ...lag, lane: 1, position: 12, events: 0, parked: 0, seconds: 0 }
  const lines = (await readSqlMetrics({ lag: async () => [lag, quiet], counters: () => [counts] })).split('\n')
  const of = 'projection="revenue",version="2",lane='
  expect(lines.filter((line) => !line.startsWith('#'))).toEqual([
    `tidemark_sql_projections_lag_events{${of}"0"} 7`,
    `tidemark_sql_projections_lag_events{${of}"1"} 0`,
    `tidemark_sql_projections_lag_seconds{${of}"0"} 1.5`,
    `tidemark_sql_projections_lag_seconds{${of}"1"} 0`,
    `tidemark_sql_projections_parked_events{${of}"0"} 3`,
    `tidemark_sql_projections_parked_events{${of}"1"} 0`,
    `tidemark_sql_projections_building{${of}"0"} 0`,
    `tidemark_sql_projections_building{${of}"1"} 0`,
    `tidemark_sql_projections_stopped{${of}"0"} 0`,
    `tidemark_sql_projections_stopped{${of}"1"} 0`,
    `tidemark_sql_projections_code_changed{${of}"0"} 0`,
    `tidemark_sql_projections_code_changed{${of}"1"} 0`,
    `tidemark_sql_projections_events_total{${of}"0"} 5`,
    `tidemark_sql_projections_batches_total{${of}"0"} 2`,
    `tidemark_sql_projections_parked_total{${of}"0"} 1`,
    `tidemark_sql_projections_failures_total{${of}"0"} 3`,
    `tidemark_sql_projections_hung_total{${of}"0"} 4`,
    '',
  ])
})

test('one that is being built, and one that stands still, say so', async () => {
  const text = await readSqlMetrics({
    lag: async () => [{ ...lag, state: 'building', code: 'changed', failure: 'relation "days" does not exist' }],
    counters: () => [],
  })
  expect(text).toContain('tidemark_sql_projections_building{projection="revenue",version="2",lane="0"} 1')
  expect(text).toContain('tidemark_sql_projections_stopped{projection="revenue",version="2",lane="0"} 1')
  expect(text).toContain('tidemark_sql_projections_code_changed{projection="revenue",version="2",lane="0"} 1')
  expect(text).not.toContain('days')
})

test('a server without any says nothing of them', async () => {
  expect(await readSqlMetrics({ lag: async () => [], counters: () => [] })).toBe('')
})
