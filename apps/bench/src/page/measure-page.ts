/** What the page lets the benchmark do; it stands as `window.measure`. */
export interface MeasurePage {
  /** Resolves when the client is live and shows this many orders. */
  ready(orders: number): Promise<void>
  /**
   * Dispatch to painted change, and a bare React state update to painted change, in turn; milliseconds each. Both lists
   * stand on this page, have the same rows and draw them with the same component.
   */
  samplePaint(samples: number): Promise<PaintSamples>
  /** Sets the note of one of the orders in view; resolves with the time of the dispatch, in milliseconds since 1970. */
  dispatchNote(order: number, note: string): Promise<number>
  /** From now on, notes when a note that starts so is painted in the synced list. */
  watchNotes(prefix: string): void
  /** When each note was painted, in milliseconds since 1970. */
  paintedNotes(): Readonly<Record<string, number>>
}

export interface PaintSamples {
  readonly tidemark: readonly number[]
  readonly bare: readonly number[]
}

declare global {
  interface Window {
    measure: MeasurePage
  }
}
