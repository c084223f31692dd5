import type { BenchReport } from './report.ts'

/** The result for people: what has a bar first, each ratio with its interval, then all the other figures. */
export function reportToTable(report: BenchReport): string {
  const judged = new Set(report.bars.map((bar) => bar.of))
  const rows: (readonly string[])[] = [['measured', 'value', 'bar', '', 'pairs: 95 % of medians, all']]
  for (const bar of report.bars) {
    const limit = `${bar.better === 'lower' ? '≤' : '≥'} ${bar.limit} ${bar.unit}`
    rows.push([bar.what, `${bar.value} ${bar.unit}`, limit, bar.met ? 'met' : 'MISSED', intervalOf(report, bar.of)])
  }
  for (const [name, value] of Object.entries(report.ratios))
    if (!judged.has(name)) rows.push([name, `${value} ×`, '', '', intervalOf(report, name)])
  for (const [name, value] of Object.entries(report.figures))
    if (!judged.has(name)) rows.push([name, String(value), '', '', ''])
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  const { conditions } = report
  return [
    ...rows.map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    ),
    `Postgres ${conditions.postgres}, Node ${conditions.node}, ${conditions.cores} cores, load ${conditions.loadBefore.toFixed(1)} before, ${conditions.seconds} s`,
  ].join('\n')
}

function intervalOf(report: BenchReport, name: string): string {
  const ratio = report.intervals[name]
  if (ratio === undefined) return ''
  return `${ratio.pairs}: ${ratio.low}..${ratio.high}, ${ratio.min}..${ratio.max}`
}
