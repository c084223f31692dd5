import { ratioOf, round3, type Ratio } from './ratio.ts'

/** The object that a bench with peers ends with. Rates per second, times in milliseconds. */
export interface BenchReport {
  readonly bench: string
  /** What was measured, by name: medians over the rounds. */
  readonly figures: Readonly<Record<string, number>>
  /** Medians over the pairs. */
  readonly ratios: Readonly<Record<string, number>>
  /** How far each ratio can be trusted. */
  readonly intervals: Readonly<Record<string, Ratio>>
  readonly bars: readonly BarResult[]
  readonly conditions: Conditions
}

export interface Conditions {
  readonly postgres: string
  readonly node: string
  readonly cores: number
  /** Load average of the machine over the last minute, before and after: above about 1 somebody else was at work. */
  readonly loadBefore: number
  readonly loadAfter: number
  /** A short run: its numbers are not for quoting. */
  readonly quick: boolean
  readonly seconds: number
}

/** A ratio or figure and how far it may go. */
export interface Bar {
  readonly of: string
  readonly limit: number
  readonly better: 'lower' | 'higher'
  readonly unit: string
  readonly what: string
}

/** A ratio that must not fall below `limit`. */
export function atLeast(of: string, limit: number, what: string): Bar {
  return { of, limit, better: 'higher', unit: '×', what }
}

/** A ratio, or a figure in its unit, that must not rise above `limit`. */
export function atMost(of: string, limit: number, what: string, unit = '×'): Bar {
  return { of, limit, better: 'lower', unit, what }
}

export interface BarResult extends Bar {
  readonly value: number
  readonly met: boolean
}

/** What the rounds of a bench gave so far. */
export interface Samples {
  readonly figures: Map<string, number[]>
  readonly quotients: Map<string, number[]>
}

export function createSamples(): Samples {
  return { figures: new Map(), quotients: new Map() }
}

export function addFigure(samples: Samples, name: string, value: number): void {
  add(samples.figures, name, value)
}

export function addQuotient(samples: Samples, name: string, value: number): void {
  add(samples.quotients, name, value)
}

function add(map: Map<string, number[]>, name: string, value: number): void {
  const values = map.get(name)
  if (values === undefined) map.set(name, [value])
  else values.push(value)
}

export function toReport(
  bench: string,
  samples: Samples,
  bars: readonly Bar[],
  conditions: Conditions,
  median: (values: readonly number[]) => number,
): BenchReport {
  const figures = Object.fromEntries([...samples.figures].map(([name, values]) => [name, round3(median(values))]))
  const intervals = Object.fromEntries([...samples.quotients].map(([name, values]) => [name, ratioOf(values)]))
  const ratios = Object.fromEntries(Object.entries(intervals).map(([name, ratio]) => [name, ratio.median]))
  const judged = bars.flatMap((bar) => {
    const value = ratios[bar.of] ?? figures[bar.of]
    if (value === undefined) return []
    return [{ ...bar, value, met: bar.better === 'lower' ? value <= bar.limit : value >= bar.limit }]
  })
  return { bench, figures, ratios, intervals, bars: judged, conditions }
}
