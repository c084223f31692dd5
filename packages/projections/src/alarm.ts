/** Waits for a ring or a time, whichever is first. A ring while nobody waits is kept, so none is ever missed. */
export interface Alarm {
  ring(): void
  /** Resolves at the next ring, at once when it rang since the last wait, or after `ms`. */
  wait(ms: number): Promise<void>
}

export function createAlarm(): Alarm {
  let rung = false
  let wake: (() => void) | undefined
  return {
    ring: () => {
      rung = true
      wake?.()
    },
    wait: async (ms) => {
      if (!rung) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms)
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
        wake = undefined
      }
      rung = false
    },
  }
}
