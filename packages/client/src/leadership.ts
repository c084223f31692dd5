import { BEAT, beginWatch, isSilent, lookAgain } from './leader-watch.ts'
import type { Platform } from './platform.ts'

/** This tab's part in the election of the one tab that does the network. */
export interface Leadership {
  /** The term this tab leads in, `undefined` while it does not; `null` where there are no locks and each tab leads. */
  readonly term: number | null | undefined
  /** A leader has shown that it is alive; `null`: one whose term is about to begin. */
  heard(term: number | null): void
  /** The term is known to be over. */
  resign(term: number): void
  close(): void
}

export interface LeadershipOptions {
  readonly lockName: string
  readonly platform: Pick<Platform, 'locks' | 'setTimer' | 'now'>
  /** Whether a leader's beat would reach this tab. Where it would not, silence means nothing. */
  readonly canHear: boolean
  /** Begins a term in storage, if the lock is still held when that happens. */
  readonly claim: (isStillHeld: () => boolean) => Promise<number | null>
  /** Shows the other tabs that this one is alive. */
  readonly onBeat: (term: number | null) => void
  readonly onLead: () => void
  readonly onFollow: () => void
  readonly onTrouble: (error: unknown) => void
}

/** A lock that was granted. */
interface Hold {
  letGo(): void
}

/**
 * Whoever holds the lock leads. A tab that dies lets go of it; from one that is frozen it is stolen. The lock is only
 * the election: what keeps a deposed leader from doing harm is the term in storage (`fence.ts`).
 */
export function seekLeadership(options: LeadershipOptions): Leadership {
  const { lockName, platform, canHear, claim, onBeat, onLead, onFollow, onTrouble } = options
  let closed = false
  let term: number | null | undefined
  let hold: Hold | undefined
  let isClaiming = false
  let attempt = new AbortController()
  let latest = 0
  let watch = beginWatch(platform.now())
  let cancelTick = (): void => undefined

  const { locks } = platform
  if (locks === undefined) {
    // Without locks tabs cannot agree: each does its own network. The server and the stored cursor keep it right.
    queueMicrotask(() => {
      if (closed) return
      term = null
      onLead()
    })
  } else {
    ask(locks, 'in turn')
    cancelTick = platform.setTimer(() => tick(locks), BEAT)
  }

  function ask(from: LockManager, how: 'in turn' | 'steal'): void {
    const asked = new AbortController()
    attempt = asked
    let granted: Hold | undefined
    from
      // A request that steals is granted at once, and may not carry a signal.
      .request(lockName, how === 'steal' ? { steal: true } : { signal: asked.signal }, () => {
        // Granted while this tab was closing: an abort no longer reaches the request, and nobody would let go.
        if (closed || asked.signal.aborted) return Promise.resolve()
        return new Promise<void>((resolve) => {
          granted = { letGo: resolve }
          hold = granted
          begin(granted)
        })
      })
      .catch((error: unknown) => {
        if (closed || asked.signal.aborted) return
        // Another tab took this one for frozen, and was right if the news comes late.
        if (granted !== undefined) follow()
        else onTrouble(error)
      })
  }

  function begin(from: Hold): void {
    isClaiming = true
    claim(() => hold === from && !closed)
      .then((claimed) => {
        if (claimed === null || hold !== from || closed) return
        term = claimed
        latest = claimed
        onLead()
        onBeat(claimed)
      })
      .catch((error: unknown) => {
        if (hold === from && !closed) onTrouble(error)
      })
      .finally(() => {
        if (hold === from) isClaiming = false
      })
  }

  /** Gives up what there is of a lead, and waits for the lock in turn. */
  function follow(): void {
    const led = term !== undefined
    term = undefined
    attempt.abort()
    hold?.letGo()
    hold = undefined
    isClaiming = false
    watch = beginWatch(platform.now())
    if (led) onFollow()
    if (locks !== undefined) ask(locks, 'in turn')
  }

  function tick(from: LockManager): void {
    cancelTick = platform.setTimer(() => tick(from), BEAT)
    if (typeof term === 'number') {
      onBeat(term)
    } else if (hold !== undefined) {
      onBeat(null)
      // Storage failed when the term was to begin.
      if (!isClaiming) begin(hold)
    } else if (canHear) {
      watch = lookAgain(watch, platform.now())
      if (!isSilent(watch)) return
      watch = beginWatch(platform.now())
      attempt.abort()
      ask(from, 'steal')
    }
  }

  return {
    get term() {
      return term
    },
    heard: (beat) => {
      if (beat === null) {
        watch = beginWatch(platform.now())
        return
      }
      if (beat < latest) {
        // A deposed leader that has not noticed: now it will.
        if (typeof term === 'number') onBeat(term)
        return
      }
      const isLater = beat > latest
      latest = beat
      watch = beginWatch(platform.now())
      if (isLater && typeof term === 'number') follow()
    },
    resign: (over) => {
      if (term === over && !closed) follow()
    },
    close: () => {
      closed = true
      term = undefined
      cancelTick()
      attempt.abort()
      hold?.letGo()
    },
  }
}
