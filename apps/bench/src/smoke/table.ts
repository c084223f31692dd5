import { barsOf, isMet, type SmokeResult } from './result.ts'

/** The result for people. */
export function resultToTable(result: SmokeResult): string {
  const { figures } = result
  const rows: (readonly string[])[] = [['figure', 'value', 'bar', '']]
  for (const bar of barsOf(result)) {
    const limit = `${bar.better === 'lower' ? '≤' : '≥'} ${bar.limit} ${bar.unit}`
    rows.push([bar.name, `${bar.value} ${bar.unit}`, limit, isMet(bar) ? 'met' : 'MISSED'])
  }
  rows.push(
    ['paint, p50 / p95', `${figures.paintMs.p50} / ${figures.paintMs.p95} ms`, '', ''],
    ['bare React paint, p50 / p95', `${figures.barePaintMs.p50} / ${figures.barePaintMs.p95} ms`, '', ''],
    ['import', `${Math.round(figures.importCommandsPerSecond)} commands/s`, '', ''],
    ['single-row INSERTs', `${Math.round(figures.insertPerSecond)} /s`, '', ''],
  )
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
