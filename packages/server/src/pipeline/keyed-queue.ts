/** Runs jobs of one key one after the other, jobs of different keys side by side. */
export interface KeyedQueue {
  run<T>(key: string, job: () => Promise<T>): Promise<T>
}

export function createKeyedQueue(): KeyedQueue {
  const tails = new Map<string, Promise<unknown>>()
  return {
    run: (key, job) => {
      const before = tails.get(key)
      const done = before === undefined ? job() : before.then(job, job)
      tails.set(key, done)
      const forget = (): void => {
        if (tails.get(key) === done) tails.delete(key)
      }
      done.then(forget, forget)
      return done
    },
  }
}
