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
} as const

test('SQL projections say how far behind they are, by name, version and lane', async () => {
  const quiet = { ...lag, lane: 1, position: 12, events: 0, parked: 0, seconds: 0 }
  const lines = (await readSqlMetrics({ lag: async () => [lag, quiet] })).split('\n')
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
    '',
  ])
})

test('one that is being built, and one that stands still, say so', async () => {
  const text = await readSqlMetrics({
    lag: async () => [{ ...lag, state: 'building', failure: 'relation "days" does not exist' }],
  })
  expect(text).toContain('tidemark_sql_projections_building{projection="revenue",version="2",lane="0"} 1')
  expect(text).toContain('tidemark_sql_projections_stopped{projection="revenue",version="2",lane="0"} 1')
  expect(text).not.toContain('days')
})

test('a server without any says nothing of them', async () => {
  expect(await readSqlMetrics({ lag: async () => [] })).toBe('')
})
