import { quantileOf } from '../smoke/quantiles.ts'

/** Who got what, and when: what was stored against what a reader was handed. */
export interface Watch {
  readonly stored: (id: string) => void
  readonly handedOver: (id: string) => void
  /** Events handed over so far, each once. */
  readonly seen: () => number
  readonly count: () => number
  readonly result: () => Watched
}

export interface Watched {
  readonly stored: number
  /** Stored, and never handed over. */
  readonly missed: number
  /** Milliseconds from acknowledgement to handing over; never below 0. Of those that were. */
  readonly p50: number
  readonly p99: number
  readonly longest: number
}

export function createWatch(): Watch {
  const storedAt = new Map<string, number>()
  const seenAt = new Map<string, number>()
  return {
    stored: (id) => void storedAt.set(id, performance.now()),
    handedOver: (id) => void (seenAt.has(id) || seenAt.set(id, performance.now())),
    seen: () => seenAt.size,
    count: () => storedAt.size,
    result: () => {
      const waits: number[] = []
      let missed = 0
      for (const [id, at] of storedAt) {
        const seen = seenAt.get(id)
        if (seen === undefined) missed++
        else waits.push(Math.max(0, seen - at))
      }
      return {
        stored: storedAt.size,
        missed,
        p50: quantileOf(waits, 0.5),
        p99: quantileOf(waits, 0.99),
        longest: Math.max(...waits),
      }
    },
  }
}

/** Until the reader has everything, or nothing new has come for so long. */
export async function settle(watch: Watch, silenceMs: number): Promise<void> {
  let seen = watch.seen()
  let changedAt = performance.now()
  while (watch.seen() < watch.count() && performance.now() - changedAt < silenceMs) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    if (watch.seen() === seen) continue
    seen = watch.seen()
    changedAt = performance.now()
  }
}
