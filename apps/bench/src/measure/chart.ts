import type { BarResult, BenchReport } from './report.ts'

const WIDTH = 860
const ROW = 46
const LEFT = 370
const RIGHT = 130

/** An SVG with one bar per limit; each is drawn against its own, the line in the middle. Whiskers show the pairs. */
export function reportToChart(report: BenchReport): string {
  const height = 84 + report.bars.length * ROW
  const middle = LEFT + (WIDTH - LEFT - RIGHT) / 2
  const { conditions } = report
  const under = `Postgres ${conditions.postgres}, Node ${conditions.node}, ${conditions.cores} cores${conditions.quick ? ', a short run' : ''}`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="14">`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    `<text x="16" y="28" font-size="16" font-weight="600" fill="#12302f">Bench “${report.bench}”: measured, against its limit</text>`,
    ...report.bars.map((bar, at) => row(report, bar, 48 + at * ROW)),
    `<line x1="${middle}" x2="${middle}" y1="44" y2="${height - 36}" stroke="#12302f" stroke-dasharray="4 3"/>`,
    `<text x="16" y="${height - 14}" font-size="12" fill="#5b6f6e">${under}</text>`,
    '</svg>',
    '',
  ].join('\n')
}

function row(report: BenchReport, bar: BarResult, top: number): string {
  const full = WIDTH - LEFT - RIGHT
  // The limit stands in the middle; what goes past twice the limit is cut off, its number is not.
  const share = (value: number): number => (bar.limit === 0 ? Math.sign(value) : value / (2 * bar.limit))
  const lengthOf = (value: number): number => Math.min(1, Math.max(0, share(value))) * full
  const fill = bar.met ? '#0b7a75' : '#b3341f'
  const limit = `${bar.better === 'lower' ? 'at most' : 'at least'} ${bar.limit} ${bar.unit}`
  const ratio = report.intervals[bar.of]
  const y = top + 15
  const whisker =
    ratio === undefined
      ? []
      : [
          `<line x1="${(LEFT + lengthOf(ratio.min)).toFixed(1)}" x2="${(LEFT + lengthOf(ratio.max)).toFixed(1)}" y1="${y}" y2="${y}" stroke="#12302f"/>`,
          `<line x1="${(LEFT + lengthOf(ratio.low)).toFixed(1)}" x2="${(LEFT + lengthOf(ratio.high)).toFixed(1)}" y1="${y}" y2="${y}" stroke="#12302f" stroke-width="5"/>`,
        ]
  return [
    `<text x="16" y="${top + 15}" fill="#12302f">${bar.what}</text>`,
    `<text x="16" y="${top + 32}" font-size="12" fill="#5b6f6e">${limit}</text>`,
    `<rect x="${LEFT}" y="${top + 2}" width="${full}" height="26" rx="3" fill="#eef3f2"/>`,
    `<rect x="${LEFT}" y="${top + 2}" width="${lengthOf(bar.value).toFixed(1)}" height="26" rx="3" fill="${fill}"/>`,
    ...whisker,
    `<text x="${LEFT + full + 12}" y="${top + 20}" font-weight="600" fill="${fill}">${bar.value} ${bar.unit}</text>`,
  ].join('\n')
}
