import type { DirtyLine } from './invoice-line.ts'

/** What an import did. The last line that `--json` prints is exactly this. */
export interface ImportResult {
  /** Data lines read. */
  readonly lines: number
  /** Commands made of them: `accepted + duplicates +` all `refused`. */
  readonly commands: number
  readonly accepted: number
  /** Accepted by an earlier import already. */
  readonly duplicates: number
  readonly refused: Readonly<Record<string, number>>
  /** Lines set aside, by reason. All other lines are in commands. */
  readonly dirty: Readonly<Record<string, number>>
  /** Streams this import wrote to, and events it wrote. */
  readonly streams: number
  readonly events: number
  readonly seconds: number
}

/** A command that was not taken, with the lines it stood for. */
export interface RefusedCommand {
  readonly type: string
  readonly reason: string
  readonly lines: readonly number[]
}

export interface ImportOutcome {
  readonly result: ImportResult
  readonly refused: readonly RefusedCommand[]
}

/** Shown of each table unless all of it is asked for. */
const SHOWN = 20

/** The summary for people. */
export function describeImport(outcome: ImportOutcome, dirty: readonly DirtyLine[], all: boolean): string {
  const { result, refused } = outcome
  const setAside = sum(result.dirty)
  const rate = result.seconds > 0 ? ` (${number(Math.round(result.commands / result.seconds))} commands a second)` : ''
  return [
    `${number(result.lines)} lines read: ${number(result.lines - setAside)} became commands, ${number(setAside)} were set aside.`,
    `${number(result.commands)} commands: ${number(result.accepted)} accepted, ${number(result.duplicates)} known from before, ${number(sum(result.refused))} refused.`,
    `${number(result.events)} events written to ${number(result.streams)} streams in ${result.seconds.toFixed(1)} s${rate}.`,
    ...tableOf(
      'Lines set aside',
      dirty.map(({ number: line, reason }) => [String(line), reason]),
      result.dirty,
      all,
    ),
    ...tableOf('Commands refused', refused.map(refusedRow), result.refused, all),
  ].join('\n')
}

/** How many items there are of each kind, the most frequent first. */
export function countBy<T>(items: readonly T[], kindOf: (item: T) => string): Record<string, number> {
  const counts = new Map<string, number>()
  for (const item of items) counts.set(kindOf(item), (counts.get(kindOf(item)) ?? 0) + 1)
  return Object.fromEntries([...counts].sort(([a, x], [b, y]) => y - x || a.localeCompare(b)))
}

function refusedRow({ type, reason, lines }: RefusedCommand): readonly [string, string] {
  return [lines.length === 0 ? '-' : lines.join(' '), `${reason} (${type})`]
}

function tableOf(
  title: string,
  rows: readonly (readonly [lines: string, reason: string])[],
  counts: Readonly<Record<string, number>>,
  all: boolean,
): readonly string[] {
  if (rows.length === 0) return []
  const shown = all ? rows : rows.slice(0, SHOWN)
  const width = Math.max(4, ...shown.map(([line]) => line.length))
  const reasons = Object.entries(counts).map(([reason, count]) => `${reason} ${number(count)}`)
  return [
    '',
    `${title}: ${reasons.join(', ')}`,
    `  ${'line'.padStart(width)}  reason`,
    ...shown.map(([line, reason]) => `  ${line.padStart(width)}  ${reason}`),
    ...(shown.length < rows.length ? [`  … and ${number(rows.length - shown.length)} more; --verbose shows all.`] : []),
  ]
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0)
}

function number(value: number): string {
  return value.toLocaleString('en-GB')
}
