import { describe, expect, it } from 'vitest'
import { toBars } from './bars.ts'

describe('the bars of a chart', () => {
  it('stand on the bottom where nothing is negative, the highest as high as the chart', () => {
    expect(toBars([5, 10, 0])).toEqual({
      base: 1,
      bars: [
        { top: 0.5, height: 0.5, isNegative: false },
        { top: 0, height: 1, isNegative: false },
        { top: 1, height: 0, isNegative: false },
      ],
    })
  })
  it('hang from a base line where something is', () => {
    const { base, bars } = toBars([30, -10])
    expect(base).toBe(0.75)
    expect(bars[1]).toEqual({ top: 0.75, height: 0.25, isNegative: true })
  })
  it('are flat for nothing, and none for no values', () => {
    expect(toBars([0, 0]).bars.every((bar) => bar.height === 0 && bar.top === 1)).toBe(true)
    expect(toBars([])).toEqual({ base: 1, bars: [] })
  })
})
