import { expect, test } from 'vitest'
import { resultToChart } from './chart.ts'
import { barsOf, isMet, type SmokeResult } from './result.ts'
import { resultToTable } from './table.ts'

const result: SmokeResult = {
  bench: 'smoke',
  figures: {
    paintExtraMs: { p50: 2, p95: 33 },
    paintMs: { p50: 12, p95: 43 },
    barePaintMs: { p50: 10, p95: 17 },
    abMs: { p50: 30, p95: 151 },
    importCommandsPerSecond: 2_000,
    insertPerSecond: 3_000,
  },
  ratios: { importVsInsert: 0.67 },
}

test('a limit is met at the limit itself, from the side that is better', () => {
  expect(barsOf(result).map(isMet)).toEqual([true, true, false, true])
  expect(isMet({ name: '', value: 0.49, limit: 0.5, unit: '×', better: 'higher' })).toBe(false)
})

test('the table names each limit and whether it was met', () => {
  const lines = resultToTable(result).split('\n')
  expect(lines[1]).toMatch(/^paint, less bare React, p95 +33 ms +≤ 33 ms +met$/)
  expect(lines[3]).toMatch(/^client A to client B, p95 +151 ms +≤ 150 ms +MISSED$/)
})

test('the chart draws one bar per figure, never past its frame', () => {
  const chart = resultToChart(result)
  expect(chart.match(/rx="3" fill="#(0b7a75|b3341f)"/g)).toHaveLength(4)
  const huge = resultToChart({ ...result, figures: { ...result.figures, abMs: { p50: 9_999, p95: 9_999 } } })
  expect(huge).toContain('width="360.0"')
  expect(huge).toContain('9999 ms')
})
