import type { Quantiles } from './quantiles.ts'

/** The object that `npm run bench -- smoke --json` ends with. Times in milliseconds, rates per second. */
export interface SmokeResult {
  readonly bench: 'smoke'
  readonly figures: {
    /** Dispatch to painted change among 1,000 orders, less a bare React state update beside it: quantile less quantile. */
    readonly paintExtraMs: Quantiles
    /** What `paintExtraMs` is made of. */
    readonly paintMs: Quantiles
    readonly barePaintMs: Quantiles
    /** One client's dispatch to another client's painted row, both online. */
    readonly abMs: Quantiles
    readonly importCommandsPerSecond: number
    readonly insertPerSecond: number
  }
  readonly ratios: {
    /** Commands per second of the whole import against one single-row INSERT per command, one after the other. */
    readonly importVsInsert: number
  }
}

/** A figure and how far it may go. */
export interface Bar {
  readonly name: string
  readonly value: number
  readonly limit: number
  readonly unit: string
  readonly better: 'lower' | 'higher'
}

export function barsOf({ figures, ratios }: SmokeResult): readonly Bar[] {
  return [
    { name: 'paint, less bare React, p95', value: figures.paintExtraMs.p95, limit: 33, unit: 'ms', better: 'lower' },
    { name: 'client A to client B, p50', value: figures.abMs.p50, limit: 60, unit: 'ms', better: 'lower' },
    { name: 'client A to client B, p95', value: figures.abMs.p95, limit: 150, unit: 'ms', better: 'lower' },
    { name: 'import against INSERTs', value: ratios.importVsInsert, limit: 0.5, unit: '×', better: 'higher' },
  ]
}

export function isMet({ value, limit, better }: Bar): boolean {
  return better === 'lower' ? value <= limit : value >= limit
}
