/** Who wants to know how far lanes have come, in this process. */
export interface Advances {
  /** The checkpoint last seen of a lane, 0 before the first. */
  at(lane: number): number
  /** Tells of a checkpoint; one that is not news is ignored. */
  tell(lane: number, position: number): void
  /** The checkpoint as it is stored: after a crash of the database it may be behind what was told. */
  correct(lane: number, position: number): void
  listen(listener: (lane: number, position: number) => void): () => void
}

export function createAdvances(onError: (error: unknown) => void): Advances {
  const positions = new Map<number, number>()
  const listeners = new Set<(lane: number, position: number) => void>()
  const tell = (lane: number, position: number): void => {
    if (position <= (positions.get(lane) ?? 0)) return
    positions.set(lane, position)
    for (const listener of listeners) {
      // A listener's bug is not the worker's failure: the batch is committed.
      try {
        listener(lane, position)
      } catch (error) {
        onError(error)
      }
    }
  }
  return {
    at: (lane) => positions.get(lane) ?? 0,
    tell,
    correct: (lane, position) => {
      if (position < (positions.get(lane) ?? 0)) positions.set(lane, position)
      else tell(lane, position)
    },
    listen: (listener) => {
      // A closure of its own, so that one function may listen twice and stop once.
      const own = (lane: number, position: number): void => listener(lane, position)
      listeners.add(own)
      return () => listeners.delete(own)
    },
  }
}
