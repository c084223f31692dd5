import { atMost, type Bar } from '../measure/report.ts'

export const CLIENT_BARS: readonly Bar[] = [
  atMost('paintVsBestPeer', 1, 'dispatch to DOM among 10,000 rows, against the faster peer'),
  atMost('paint100kVs1k', 1.5, 'dispatch to DOM among 100,000 rows against 1,000'),
  atMost('bulkVsDexieBulkPut', 1.2, '10,000 rows arrive and are stored, against a bare bulkPut'),
  atMost('durableVsDexiePut', 2, 'dispatch to durable, p50 against a bare strict put'),
  atMost('coldVsBestPeer10k', 1, 'reload to first row, 10,000 stored, against the faster peer'),
  atMost('coldVsBestPeer50k', 1, 'reload to first row, 50,000 stored, against the faster peer'),
  atMost('coldVsDexie10k', 1.25, 'reload to first row, 10,000 stored, against bare Dexie'),
  atMost('coldVsDexie50k', 1.25, 'reload to first row, 50,000 stored, against bare Dexie'),
  atMost('drainVsDexieLoop', 2, 'drain of offline work, against bare writes'),
  atMost('drainLongestFrameMs', 50, 'longest time without a frame while draining', 'ms'),
  atMost('rebase1000Ms', 100, '1,000 pending decided again over 1,000 changed rows', 'ms'),
  atMost('heap50kVs10k', 1.3, 'heap with 50,000 stored rows against 10,000'),
  atMost('heap10kPendingVs10', 1.1, 'heap with 10,000 commands pending against 10'),
  atMost('cold10kPendingVs10', 1.1, 'reload to first row, 10,000 commands pending against 10'),
]
