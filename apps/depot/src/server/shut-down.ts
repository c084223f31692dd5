export interface ShutDown {
  /** What to end, should this program be told to; the last one first. */
  onStop(end: () => Promise<void>): void
  /** Set once it has been told to. */
  readonly stopping: boolean
  /** Ends everything, once. */
  stop(): Promise<void>
}

/** Everything has to be gone within 5 s of the signal. */
const DEADLINE_MS = 4_700

/**
 * Makes SIGINT and SIGTERM end in order what was started, and this process with it; a second signal ends it at once.
 * What does not end in time is left to its own watchdog.
 */
export function shutDownOnSignals(log: (line: string) => void): ShutDown {
  const ends: (() => Promise<void>)[] = []
  let stopped: Promise<void> | undefined
  const stopAll = async (): Promise<void> => {
    for (let end = ends.pop(); end !== undefined; end = ends.pop()) {
      await end().catch((error: unknown) =>
        log(`While stopping: ${error instanceof Error ? error.message : String(error)}`),
      )
    }
  }
  const shutDown: ShutDown = {
    onStop: (end) => void ends.push(end),
    get stopping() {
      return stopped !== undefined
    },
    stop: () => (stopped ??= stopAll()),
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (shutDown.stopping) process.exit(signal === 'SIGINT' ? 130 : 143)
      log('Stopping …')
      setTimeout(() => process.exit(1), DEADLINE_MS).unref()
      void shutDown.stop().then(() => process.exit(0))
    })
  }
  return shutDown
}
