import { LRUCache } from 'lru-cache'

export interface RateLimit {
  /** Requests that may come at once. */
  readonly burst: number
  /** Requests a second, in the long run. */
  readonly perSecond: number
}

/** Counts requests per caller, in this process. */
export interface RateLimiter {
  /** 0 when the requests are admitted; else the milliseconds after which they would be. */
  take(caller: string, requests: number): number
}

/** Callers remembered at a time. One that is forgotten starts with a full bucket. */
const MAX_CALLERS = 20_000

export function createRateLimiter(limit: RateLimit, now: () => number): RateLimiter {
  const buckets = new LRUCache<string, { level: number; at: number }>({ max: MAX_CALLERS })
  return {
    take: (caller, requests) => {
      const at = now()
      const bucket = buckets.get(caller) ?? { level: limit.burst, at }
      const level = Math.min(limit.burst, bucket.level + (Math.max(0, at - bucket.at) / 1_000) * limit.perSecond)
      const left = level - requests
      buckets.set(caller, { level: left < 0 ? level : left, at })
      return left < 0 ? Math.ceil((-left / limit.perSecond) * 1_000) : 0
    },
  }
}
