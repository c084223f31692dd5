/** What every peer lists: the newest first. */
export interface Item {
  readonly id: string
  readonly title: string
  readonly note: string
  /** Milliseconds since 1970. */
  readonly updatedAt: number
}

/** As many as a screen shows, and some. */
export const IN_VIEW = 50

const START = Date.UTC(2026, 0, 1)

export function itemAt(number: number): Item {
  return {
    id: `item/${String(number).padStart(8, '0')}`,
    title: `Item ${number} of a list that somebody keeps`,
    note: '',
    updatedAt: START + number * 1_000,
  }
}

export function itemsFrom(first: number, count: number): readonly Item[] {
  return Array.from({ length: count }, (_, at) => itemAt(first + at))
}
