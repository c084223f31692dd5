import type { ImportProgress } from './run-import.ts'

export interface ProgressLine {
  update(progress: ImportProgress): void
  /** Ends the line. */
  end(): void
}

export interface ProgressOptions {
  readonly label: string
  /** A terminal's line is drawn anew; elsewhere there is a line every two seconds. */
  readonly terminal: boolean
  readonly write: (text: string) => void
  readonly now?: () => number
}

const REDRAW_MS = 100
const LINE_MS = 2_000

/** Shows how far an import is. */
export function createProgressLine(options: ProgressOptions): ProgressLine {
  const { label, terminal, write } = options
  const now = options.now ?? (() => performance.now())
  const startedAt = now()
  const every = terminal ? REDRAW_MS : LINE_MS
  let drawnAt = terminal ? Number.NEGATIVE_INFINITY : startedAt
  let drawn = false
  return {
    update: ({ done, total }) => {
      const at = now()
      if (at - drawnAt < every && !(terminal && done === total)) return
      drawnAt = at
      drawn = true
      const rate = done / Math.max(0.001, (at - startedAt) / 1_000)
      const percent = total === 0 ? 100 : Math.floor((done / total) * 100)
      const left = rate > 0 ? Math.ceil((total - done) / rate) : 0
      const text = `${label}: ${percent} % (${done.toLocaleString('en-GB')} of ${total.toLocaleString('en-GB')}), ${Math.round(rate).toLocaleString('en-GB')}/s, ${left} s left`
      write(terminal ? `\r\u001b[2K${text}` : `${text}\n`)
    },
    end: () => {
      if (terminal && drawn) write('\n')
    },
  }
}
