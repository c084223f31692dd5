import { expect, test } from 'vitest'
import { readMetrics } from './metrics.ts'

test('metrics are lines that Prometheus can read: every name with its help and type, one sample for each lane', async () => {
  const lane = { lane: 0, checkpoint: 5, head: 12, events: 7, seconds: 1.5, heartbeatAgeMs: 250, parked: 3 }
  const text = await readMetrics({
    lag: async () => [lane, { ...lane, lane: 1, blocked: { reason: 'failing', detail: 'a "quoted" text' } }],
    counters: () => [
      {
        lane: 0,
        events: 5,
        batches: 2,
        rows: 4,
        busyMs: 20,
        parked: 1,
        failures: 0,
        hung: 0,
        breakerOpened: 0,
        batchLimit: 100,
      },
    ],
  })
  const lines = text.split('\n')
  expect(lines).toContain('tidemark_projections_lag_events{lane="0"} 7')
  expect(lines).toContain('tidemark_projections_blocked{lane="1"} 1')
  expect(lines).toContain('tidemark_projections_busy_seconds_total{lane="0"} 0.02')
  expect(text.endsWith('\n')).toBe(true)
  const shape = /^(?:# (?:HELP|TYPE) tidemark_\w+ .+|tidemark_\w+\{lane="\d+"\} [\d.]+(?:e-?\d+)?|)$/
  expect(lines.filter((line) => !shape.test(line))).toEqual([])
  const described = new Set(lines.filter((line) => line.startsWith('# TYPE')).map((line) => line.split(' ')[2]))
  for (const line of lines.filter((line) => line.startsWith('tidemark')))
    expect(described).toContain(line.split('{')[0])
})

test('a process without workers has no counters, and says what the database knows', async () => {
  const text = await readMetrics({ lag: async () => [], counters: () => [] })
  expect(text).toBe('')
})
