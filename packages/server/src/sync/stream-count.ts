import type { Principal } from '@tidemark/core'

/** Counts open streams per principal. */
export interface StreamCount {
  /** `undefined` when the principal has as many as it may; else the call that gives the place back. */
  take(principal: Principal): (() => void) | undefined
  readonly open: number
}

export function createStreamCount(perPrincipal: number): StreamCount {
  const counts = new Map<string, number>()
  let open = 0
  return {
    take: ({ tenant, id }) => {
      const key = `${tenant}\n${id}`
      const count = counts.get(key) ?? 0
      if (count >= perPrincipal) return undefined
      counts.set(key, count + 1)
      open += 1
      let taken = true
      return () => {
        if (!taken) return
        taken = false
        open -= 1
        const left = (counts.get(key) ?? 1) - 1
        if (left === 0) counts.delete(key)
        else counts.set(key, left)
      }
    },
    get open() {
      return open
    },
  }
}
