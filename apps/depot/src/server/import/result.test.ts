import { describe, expect, it } from 'vitest'
import { createProgressLine } from './progress.ts'
import { countBy, describeImport, type ImportResult } from './result.ts'

const result: ImportResult = {
  lines: 10_000,
  commands: 14_000,
  accepted: 13_998,
  duplicates: 1,
  refused: { below_zero: 1 },
  dirty: { bad_date: 25, malformed: 1 },
  streams: 2_400,
  events: 13_998,
  seconds: 7,
}
const dirty = [
  { number: 2, reason: 'malformed' as const },
  ...Array.from({ length: 25 }, (_, at) => ({ number: at + 10, reason: 'bad_date' as const })),
]
const refused = [{ type: 'product.adjust', reason: 'below_zero', lines: [77, 78] }]

describe('the summary', () => {
  it('accounts for every line and every command', () => {
    const text = describeImport({ result, refused }, dirty, false)
    expect(text).toContain('10,000 lines read: 9,974 became commands, 26 were set aside.')
    expect(text).toContain('14,000 commands: 13,998 accepted, 1 known from before, 1 refused.')
    expect(text).toContain('bad_date 25, malformed 1')
    expect(text).toMatch(/77 78 {2}below_zero \(product\.adjust\)/)
  })

  it('shows the first twenty lines set aside, or all of them', () => {
    const first = describeImport({ result, refused: [] }, dirty, false)
    expect(first).toContain('… and 6 more')
    expect(first.match(/bad_date$/gm)).toHaveLength(19)
    expect(describeImport({ result, refused: [] }, dirty, true).match(/bad_date$/gm)).toHaveLength(25)
  })

  it('counts the most frequent first', () => {
    expect(Object.keys(countBy(['a', 'b', 'b', 'c'], (x) => x))).toEqual(['b', 'a', 'c'])
  })
})

describe('the progress', () => {
  const show = (terminal: boolean) => {
    const clock = { now: 0 }
    const written: string[] = []
    const line = createProgressLine({
      label: 'Importing',
      terminal,
      write: (text) => written.push(text),
      now: () => clock.now,
    })
    for (; clock.now <= 5_000; clock.now += 50) line.update({ done: clock.now, total: 5_000 })
    line.end()
    return written
  }

  it('is one line on a terminal, drawn anew', () => {
    const written = show(true)
    expect(written.at(-1)).toBe('\n')
    expect(written.slice(0, -1).every((text) => text.startsWith('\r') && !text.includes('\n'))).toBe(true)
    expect(written.at(-2)).toContain('100 % (5,000 of 5,000)')
  })

  it('is a line every two seconds elsewhere', () => {
    expect(show(false)).toEqual([
      'Importing: 40 % (2,000 of 5,000), 1,000/s, 3 s left\n',
      'Importing: 80 % (4,000 of 5,000), 1,000/s, 1 s left\n',
    ])
  })
})
