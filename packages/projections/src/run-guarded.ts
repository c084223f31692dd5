import { createContext, Script } from 'node:vm'

/** What became of a piece of an app's code. */
export type Guarded<T> =
  | { readonly kind: 'done'; readonly value: T }
  /** It threw, or did not end. */
  | { readonly kind: 'failed'; readonly hung: boolean; readonly message: string }

/**
 * Runs the code of an app, which is synchronous, and ends it where it takes longer than it may: an endless loop, or a
 * regular expression that backtracks for ever, would otherwise keep the whole process, its leases and its listeners.
 *
 * V8 ends the code wherever it is, without its `finally` blocks: what it has half changed stays half changed. So only pure
 * code may run in here, of which nothing is kept when it failed.
 *
 * @throws Error where the process got too little processor time to tell: it was suspended, or the machine is overloaded.
 */
export type RunGuarded = <T>(work: () => T) => Guarded<T>

/** Code that ran for this share of the time was at work, and not just waiting for the processor. */
const AT_WORK = 0.5
/** All attempts of a call together, so that the process keeps its leases. */
const MOST_WALL_MS = 1_500

/**
 * `limitMs`: milliseconds for one call. A call costs some 0.05 ms. `processorMs`: processor time that the process has used.
 */
export function createRunGuarded(limitMs: number, processorMs: () => number = usedByProcess): RunGuarded {
  const sandbox: { work?: () => unknown } = {}
  const context = createContext(sandbox)
  const script = new Script('work()')
  return <T>(work: () => T): Guarded<T> => {
    let value: T | undefined
    let thrown: { readonly error: unknown } | undefined
    sandbox.work = () => {
      try {
        value = work()
      } catch (error) {
        thrown = { error }
      }
    }
    try {
      for (let wallMs = limitMs, spentMs = 0; ; wallMs *= 2) {
        const before = processorMs()
        try {
          script.runInContext(context, { timeout: wallMs })
          break
        } catch (error) {
          if (processorMs() - before >= limitMs * AT_WORK) {
            return { kind: 'failed', hung: true, message: `It did not end within ${limitMs} ms.` }
          }
          // It may have waited for the processor all the time: once more, with more time.
          spentMs += wallMs
          if (spentMs + wallMs * 2 > MOST_WALL_MS) throw starved(limitMs, error)
        }
      }
    } finally {
      delete sandbox.work
    }
    if (thrown === undefined) return { kind: 'done', value: value as T }
    const { error } = thrown
    return { kind: 'failed', hung: false, message: error instanceof Error ? error.message : String(error) }
  }
}

function starved(limitMs: number, cause: unknown): Error {
  return new Error(
    `The process got too little processor time: work of ${limitMs} ms was broken off after a fraction of it. The machine ` +
      'is overloaded, or the process was suspended.',
    { cause },
  )
}

function usedByProcess(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}
