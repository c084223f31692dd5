import type { Driver } from '@tidemark/store'
import { releaseLease, takeLease } from './statements/lease.ts'

/** How long a lease lasts without a renewal: what a process that was killed keeps the others waiting. */
const TTL_MS = 3_000
const RENEW_MS = 1_000
/** How often one that was denied is asked for again. */
const ASK_MS = 250
/** For how long one that was yielded is left to others. */
const YIELD_MS = 1_000

export type LeaseState =
  | { readonly kind: 'held'; readonly fence: number }
  /** Another process works here. */
  | { readonly kind: 'denied'; readonly holder: string; readonly expiresInMs: number }
  /** Not asked for: nothing is known, or it was left to a process that can do what this one cannot. */
  | { readonly kind: 'none' }

/** One process's claim to the work of one consumer in one lane. */
export interface Lease {
  /**
   * Takes the lease, where it is time to ask, or answers that it is held. A renewal runs in the background: work never
   * waits for it, and a holder that has lost the lease without knowing is stopped by the fence.
   */
  take(): Promise<LeaseState>
  state(): LeaseState
  /** A commit was refused for its fence: the lease is another's. */
  lost(): void
  /** Gives it back, and does not ask for a while. Never rejects: a lease that is not given back expires. */
  release(): Promise<void>
}

export function createLease(input: {
  sql: Driver
  consumer: string
  lane: number
  holder: string
  clock: () => number
}): Lease {
  const { sql, consumer, lane, holder, clock } = input
  let state: LeaseState = { kind: 'none' }
  let askAt = 0
  let renewal: Promise<void> | undefined

  const ask = async (): Promise<void> => {
    const { granted, fence, holder: by, expiresInMs } = await takeLease(sql, { consumer, lane, holder, ttlMs: TTL_MS })
    askAt = clock() + (granted ? RENEW_MS : ASK_MS)
    state = granted ? { kind: 'held', fence } : { kind: 'denied', holder: by, expiresInMs }
  }

  return {
    take: async () => {
      if (clock() < askAt) return state
      if (state.kind !== 'held') {
        await renewal
        await ask()
        return state
      }
      renewal ??= ask()
        // Asked again at the next round; should it go on failing, the fence tells.
        .catch(() => {})
        .finally(() => {
          renewal = undefined
        })
      return state
    },
    state: () => state,
    lost: () => {
      state = { kind: 'none' }
      askAt = 0
    },
    release: async () => {
      // One that is under way would take it again.
      await renewal
      const held = state.kind === 'held'
      state = { kind: 'none' }
      askAt = clock() + YIELD_MS
      if (held) await releaseLease(sql, { consumer, lane, holder }).catch(() => {})
    },
  }
}
