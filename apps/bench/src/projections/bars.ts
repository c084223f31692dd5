import type { Bar } from '../measure/report.ts'

export const PROJECTION_BARS: readonly Bar[] = [
  {
    of: 'liveVsEmmett',
    limit: 20,
    better: 'higher',
    unit: '×',
    what: 'live fold projection, against Emmett’s consumer',
  },
  {
    of: 'liveVsRawUpsert',
    limit: 0.5,
    better: 'higher',
    unit: '×',
    what: 'the same, against a bare loop of upserts of 500',
  },
  { of: 'rowSameNodeP50Ms', limit: 10, better: 'lower', unit: 'ms', what: 'append to readable row, same node, p50' },
  { of: 'rowSameNodeP99Ms', limit: 50, better: 'lower', unit: 'ms', what: 'append to readable row, same node, p99' },
  { of: 'rowOtherNodeP50Ms', limit: 60, better: 'lower', unit: 'ms', what: 'append to readable row, other node, p50' },
  { of: 'rowOtherNodeP99Ms', limit: 120, better: 'lower', unit: 'ms', what: 'append to readable row, other node, p99' },
  {
    of: 'memoryBacklog',
    limit: 1.2,
    better: 'lower',
    unit: '×',
    what: 'peak memory at a large backlog, against a small one',
  },
  {
    of: 'burstReturned',
    limit: 1,
    better: 'higher',
    unit: '',
    what: 'a burst at twice the rate: lag back at 0 (1: yes)',
  },
]
