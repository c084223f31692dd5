/** How often a leader says that it is alive, and followers look whether it did. Milliseconds. */
export const BEAT = 2_500
/** A leader that is silent for so long is frozen: it holds its lock and does nothing with it. Milliseconds. */
export const SILENCE = 10_000

/** What a following tab knows of its leader's heartbeat. */
export interface Watch {
  /** Milliseconds without a beat, of those in which this tab was itself running. */
  readonly quiet: number
  /** When it was last looked at, on this device's clock. */
  readonly at: number
}

export function beginWatch(now: number): Watch {
  return { quiet: 0, at: now }
}

/**
 * A look between two beats. A tab whose own timers come late was frozen or slowed down itself, or the clock was set: it
 * cannot tell whether the leader was silent, and counts anew.
 */
export function lookAgain(watch: Watch, now: number): Watch {
  const passed = now - watch.at
  const isOnTime = passed >= 0 && passed <= 2 * BEAT
  return { quiet: isOnTime ? watch.quiet + passed : 0, at: now }
}

export function isSilent(watch: Watch): boolean {
  return watch.quiet >= SILENCE
}
