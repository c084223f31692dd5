/** How far a device's clock may be off, in milliseconds. */
export interface ClockWindow {
  /** A command may have waited this long on a device. Default 400 days. */
  readonly pastMs: number
  /** Default 60 seconds. */
  readonly futureMs: number
}

export const CLOCK_WINDOW: ClockWindow = { pastMs: 400 * 24 * 60 * 60 * 1_000, futureMs: 60_000 }

/** The device's time, moved into the window around the server's. ISO 8601, UTC, milliseconds. */
export function clampOccurredAt(occurredAt: string, nowMs: number, window: ClockWindow): string {
  const said = Date.parse(occurredAt)
  const time = Number.isNaN(said) ? nowMs : Math.min(Math.max(said, nowMs - window.pastMs), nowMs + window.futureMs)
  return new Date(time).toISOString()
}
