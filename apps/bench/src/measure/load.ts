import { quantileOf } from '../smoke/quantiles.ts'

/** What callers, each one waiting for its answer before it asks again, got done. */
export interface Load {
  readonly perSecond: number
  /** Milliseconds from asking to the answer. */
  readonly p50: number
  readonly p99: number
  readonly count: number
}

/** Does one thing and says how many it was (a batch of 100 rows is 100). Throws when the answer is not the right one. */
export type Work = () => Promise<number | void>

/**
 * Runs the callers for so long. The first fifth warms statements and caches and is not counted; what has begun is
 * finished, and what ends after the time is not counted either.
 */
export async function loadFor(ms: number, callers: readonly Work[]): Promise<Load> {
  const latencies: number[] = []
  const startedAt = performance.now()
  const countFrom = startedAt + ms / 5
  const endAt = countFrom + ms
  let count = 0
  let now = startedAt
  await Promise.all(
    callers.map(async (work) => {
      while (now < endAt) {
        const askedAt = now
        const done = (await work()) ?? 1
        now = performance.now()
        if (now < countFrom || now > endAt) continue
        latencies.push(now - askedAt)
        count += done
      }
    }),
  )
  if (latencies.length === 0)
    throw new Error(
      `Nothing got done within ${ms} ms: the machine is too busy to measure anything. Try again when it is quiet.`,
    )
  const sorted = latencies.toSorted((a, b) => a - b)
  return { perSecond: (count / ms) * 1_000, p50: quantileOf(sorted, 0.5), p99: quantileOf(sorted, 0.99), count }
}
