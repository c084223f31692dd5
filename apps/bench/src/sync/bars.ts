import { atMost, type Bar } from '../measure/report.ts'

export const SYNC_BARS: readonly Bar[] = [
  atMost('abVsBestPeer', 0.9, 'A’s dispatch to B’s painted row, p50, against the faster peer'),
  atMost('tidemarkAbP50Ms', 20, 'A’s dispatch to B’s painted row, p50', 'ms'),
  atMost('tidemarkAbP95Ms', 40, 'A’s dispatch to B’s painted row, p95', 'ms'),
]
