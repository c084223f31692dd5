import type { LiveMessage, LiveRequest, Principal } from '@tidemark/core'
import type { Standing } from '../auth/standing.ts'
import { errorFields, type Logger } from '../logger.ts'
import type { Feed } from './feed.ts'
import type { LaneWatch } from './lane-watch.ts'

export interface LiveTimes {
  /** A stream with nothing to say says so this often. Default 10,000. */
  readonly beatMs: number
  /** A consumer that takes nothing for so long is cut off. Default 30,000. */
  readonly slowConsumerMs: number
}

export const LIVE_TIMES: LiveTimes = { beatMs: 10_000, slowConsumerMs: 30_000 }

export interface LiveOptions {
  readonly feed: Feed
  readonly watch: LaneWatch
  readonly standing: Standing
  readonly logger: Logger
  readonly now: () => number
  readonly random: () => number
  readonly times: LiveTimes
  /** Streams open on this server. */
  readonly open: () => number
  /** Aborted when the server goes away. */
  readonly stopping: AbortSignal
}

export interface LiveSession {
  readonly principal: Principal
  /** Milliseconds since 1970. */
  readonly expiresAt: number
  readonly request: LiveRequest
  /** Aborted when the consumer has gone. */
  readonly gone: AbortSignal
  /** Ends the connection of a consumer that does not read. */
  readonly cut: () => void
}

/** Failed looks in a row after which the stream ends: the client learns more from a failing pull than from silence. */
const MAX_FAILURES = 3
const FAILURE_PAUSE_MS = 1_000
/** Clients of a server that goes away come back spread over this time. */
const RECONNECT_SPREAD_MS = 2_000
const RECONNECT_MIN_MS = 250
/** No more than so many a second are asked back from one server, however many it had, within the longest spread. */
const RECONNECTS_PER_SECOND = 500
const MAX_RECONNECT_SPREAD_MS = 60_000

/**
 * What comes after the cursor, as it comes. One look per wake-up, whatever the number of events behind it; nothing is
 * read ahead of the consumer, so a slow one costs no memory: what it misses is compacted rows in its next page.
 * The first message comes at once, so that the client knows that it is connected.
 */
export async function* liveMessages(options: LiveOptions, session: LiveSession): AsyncGenerator<LiveMessage, void> {
  const { feed, watch, standing, now, times, stopping, logger } = options
  const { request, gone } = session
  const reconnect = (atLeast: number): LiveMessage => ({
    kind: 'reconnect',
    after: atLeast + Math.floor(options.random() * spreadMs(options.open())),
  })
  let since = request.lastEventId ?? request.cursor
  let claims = await feed.open(session.principal, since)
  if (claims === null) {
    yield { kind: 'pull' }
    return
  }
  const waiter = createWaiter()
  const unwatch = watch.watch(claims.lane, waiter.wake)
  const unwatchAccount = standing.watch(session.principal, waiter.wake)
  stopping.addEventListener('abort', waiter.wake)
  gone.addEventListener('abort', waiter.wake)
  let lastSaidAt = Number.NEGATIVE_INFINITY
  let failures = 0
  let guard: NodeJS.Timeout | undefined
  const handOver = (message: LiveMessage): LiveMessage => {
    lastSaidAt = now()
    guard = setTimeout(session.cut, times.slowConsumerMs).unref()
    return message
  }
  const taken = (): void => clearTimeout(guard)
  try {
    while (!gone.aborted) {
      if (stopping.aborted) {
        yield handOver(reconnect(RECONNECT_MIN_MS))
        return
      }
      if (now() >= session.expiresAt) {
        // The client comes back with a new token, or learns that it needs one.
        yield handOver({ kind: 'reconnect', after: 0 })
        return
      }
      // Before the look: what comes during it is looked for again.
      waiter.rest()
      try {
        const principal = await standing.of(session.principal)
        if (principal === undefined) {
          // The client comes back, and is told that it is nobody.
          yield handOver({ kind: 'reconnect', after: 0 })
          return
        }
        const followed = await feed.follow(principal, request, since, claims)
        failures = 0
        if (followed.kind === 'pull') {
          yield handOver({ kind: 'pull' })
          taken()
          return
        }
        claims = followed.claims
        if (followed.kind === 'page') {
          since = followed.page.cursor
          yield handOver(followed.page)
          taken()
        } else if (now() - lastSaidAt >= times.beatMs) {
          yield handOver({ kind: 'beat', now: new Date(now()).toISOString() })
          taken()
        }
      } catch (error) {
        failures += 1
        logger.warn('a live stream could not read its page', { failures, ...errorFields(error) })
        if (failures >= MAX_FAILURES) {
          // Whatever fails, fails for all who listen, and they must not come back as one.
          yield handOver(reconnect(FAILURE_PAUSE_MS))
          return
        }
        await waiter.wait(FAILURE_PAUSE_MS)
        continue
      }
      await waiter.wait(Math.min(lastSaidAt + times.beatMs, session.expiresAt) - now())
    }
  } finally {
    taken()
    unwatch()
    unwatchAccount()
    stopping.removeEventListener('abort', waiter.wake)
    gone.removeEventListener('abort', waiter.wake)
  }
}

/** Over how long the clients of so many streams are spread. */
function spreadMs(streams: number): number {
  const fair = (streams / RECONNECTS_PER_SECOND) * 1_000
  return Math.min(MAX_RECONNECT_SPREAD_MS, Math.max(RECONNECT_SPREAD_MS, fair))
}

/** Longest time that a Node timer takes; longer waits are waited for in pieces. */
const MAX_TIMER_MS = 2_147_483_647

/** Waits for a wake-up or a time; a wake-up in between waits is not lost. */
function createWaiter(): { wake: () => void; rest: () => void; wait: (ms: number) => Promise<void> } {
  let awake = false
  let resume: (() => void) | undefined
  return {
    wake: () => {
      awake = true
      resume?.()
    },
    rest: () => {
      awake = false
    },
    wait: (ms) =>
      awake
        ? Promise.resolve()
        : new Promise((resolve) => {
            const timer = setTimeout(() => resume?.(), Math.min(Math.max(0, ms), MAX_TIMER_MS))
            resume = () => {
              clearTimeout(timer)
              resume = undefined
              resolve()
            }
          }),
  }
}
