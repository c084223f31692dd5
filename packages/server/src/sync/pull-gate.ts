import type { PullReply } from '@tidemark/core'

/** Bounds the pulls that are answered at a time: after an outage or a new release everybody pulls at once. */
export interface PullGate {
  /** Asks for the page, or says when to come back. */
  pass(pull: () => Promise<PullReply>): Promise<PullReply>
}

/** Those who are sent away come back spread over this time, so that they are no crowd again. */
const MIN_MS = 500
const SPREAD_MS = 2_000

/** @param random in [0, 1). */
export function createPullGate(atOnce: number, random: () => number): PullGate {
  let inside = 0
  return {
    pass: async (pull) => {
      if (inside >= atOnce) {
        return { kind: 'retry', after: MIN_MS + Math.floor(random() * SPREAD_MS), reason: 'overloaded' }
      }
      inside += 1
      try {
        return await pull()
      } finally {
        inside -= 1
      }
    },
  }
}
