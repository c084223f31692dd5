import type { Io } from './io.ts'

/** One line on standard error that is rewritten as work goes on; silent where no person watches. */
export interface ProgressLine {
  show(text: string): void
  /** Leaves the line empty. */
  end(): void
}

export function createProgressLine({ isTerminal, err }: Pick<Io, 'isTerminal' | 'err'>): ProgressLine {
  let shown = false
  return {
    show(text) {
      if (!isTerminal) return
      shown = true
      err(`\r\u001b[2K${text}`)
    },
    end() {
      if (shown) err('\r\u001b[2K')
      shown = false
    },
  }
}
