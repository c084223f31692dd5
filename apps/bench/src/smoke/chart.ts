import { barsOf, isMet, type Bar, type SmokeResult } from './result.ts'

const WIDTH = 720
const ROW = 46
const LEFT = 230
const RIGHT = 130

/** An SVG with one bar per figure; each is drawn against its own limit, the line in the middle. */
export function resultToChart(result: SmokeResult): string {
  const bars = barsOf(result)
  const height = 60 + bars.length * ROW
  const middle = LEFT + (WIDTH - LEFT - RIGHT) / 2
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="14">`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    `<text x="16" y="28" font-size="16" font-weight="600" fill="#12302f">Smoke bench: measured, against its limit</text>`,
    ...bars.map((bar, at) => row(bar, 48 + at * ROW)),
    `<line x1="${middle}" x2="${middle}" y1="44" y2="${height - 12}" stroke="#12302f" stroke-dasharray="4 3"/>`,
    '</svg>',
    '',
  ].join('\n')
}

function row(bar: Bar, top: number): string {
  const full = WIDTH - LEFT - RIGHT
  // The limit stands in the middle; what goes past twice the limit is cut off, its number is not.
  const length = Math.min(1, bar.value / (2 * bar.limit)) * full
  const fill = isMet(bar) ? '#0b7a75' : '#b3341f'
  const limit = `${bar.better === 'lower' ? 'at most' : 'at least'} ${bar.limit} ${bar.unit}`
  return [
    `<text x="16" y="${top + 15}" fill="#12302f">${bar.name}</text>`,
    `<text x="16" y="${top + 32}" font-size="12" fill="#5b6f6e">${limit}</text>`,
    `<rect x="${LEFT}" y="${top + 2}" width="${full}" height="26" rx="3" fill="#eef3f2"/>`,
    `<rect x="${LEFT}" y="${top + 2}" width="${length.toFixed(1)}" height="26" rx="3" fill="${fill}"/>`,
    `<text x="${LEFT + full + 12}" y="${top + 20}" font-weight="600" fill="${fill}">${bar.value} ${bar.unit}</text>`,
  ].join('\n')
}
