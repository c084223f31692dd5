import { atLeast, atMost, type Bar } from '../measure/report.ts'

export const APPEND_BARS: readonly Bar[] = [
  atLeast('append512VsRawInsert100', 0.6, '512 callers, against raw INSERTs of 100'),
  atLeast('append512VsEmmett32', 18, '512 callers, against Emmett at its best'),
  atLeast('append32VsEmmett32', 8, '32 callers, against Emmett with 32'),
  atMost('append1LatencyVsInsert', 1.35, 'one caller, p50 against one bare INSERT'),
  atLeast('hotVsEmmettHot', 30, 'hot stream, rebasing command against Emmett'),
  atLeast('hotVsSpread', 0.75, 'hot stream, version-free, against spread streams'),
  atLeast('wakeupsOnVsOff', 0.85, 'four lanes, wake-ups on against off'),
  atMost('append64P99InFlushes', 3, '64 callers, p99 of a 2 ms flush, in flushes'),
  atMost('followSameNodeP50Ms', 2, 'subscriber, same node, p50', 'ms'),
  atMost('followSameNodeP99Ms', 15, 'subscriber, same node, p99', 'ms'),
  atMost('followOtherNodeP50Ms', 55, 'subscriber, other node, p50', 'ms'),
  atMost('followOtherNodeP99Ms', 80, 'subscriber, other node, p99', 'ms'),
  atMost('append512P99Ms', 25, '512 callers, p99', 'ms'),
  atMost('append64P99Ms', 6, '64 callers, p99', 'ms'),
  atMost('append32P99Ms', 5, '32 callers, p99', 'ms'),
  atMost('append1P99Ms', 1, 'one caller, p99', 'ms'),
  atMost('appendAt10MVs100k', 1.3, 'cost of an append at 10 million events against 100 thousand'),
]
