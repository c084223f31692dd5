/**
 * Hints between processes: one coalesced NOTIFY per lane from a connection of its own, and a LISTEN that never gives up.
 * A lost hint costs one polling interval and nothing else.
 */
import type { Driver } from './driver.ts'
import { listen, type Listener } from './postgres-listener.ts'
import { createPostgresDriver } from './postgres-driver.ts'
import { notifyWake, WAKE_CHANNEL } from './statements/notify-wake.ts'

export interface HintsOptions {
  readonly url: string
  readonly applicationName: string
  /** Another process says that this lane may have grown. */
  readonly onHint: (lane: number) => void
  /** Listening began (again): hints may have been missed. */
  readonly onListening: () => void
}

export interface Hints {
  /** Tells the other processes soon. */
  readonly announce: (lane: number) => void
  readonly close: () => Promise<void>
}

/** Least time between two notifications of one lane. */
const INTERVAL_MS = 25

export function createHints(options: HintsOptions): Hints {
  const sender: Driver = createPostgresDriver({
    url: options.url,
    applicationName: `${options.applicationName} hints`,
    maxConnections: 1,
    deadlineMs: 5_000,
    // A hint need not survive a crash.
    settings: { synchronous_commit: 'off', statement_timeout: 3_000, idle_in_transaction_session_timeout: 2_000 },
  })
  const echoes = createEchoes()
  const listener: Listener = listen({
    url: options.url,
    applicationName: `${options.applicationName} listener`,
    channel: WAKE_CHANNEL,
    onNotify(payload) {
      const lane = Number(payload)
      if (Number.isSafeInteger(lane) && payload !== '' && !echoes.take(lane)) options.onHint(lane)
    },
    onListening() {
      echoes.forget()
      options.onListening()
    },
  })
  const coalesce = createCoalescer(async (lane) => {
    // Before it is sent: the echo may be quicker than the answer.
    echoes.expect(lane)
    try {
      await notifyWake(sender, { lane })
    } catch {
      echoes.take(lane)
    }
  }, INTERVAL_MS)
  return {
    announce: coalesce.touch,
    async close() {
      coalesce.stop()
      await Promise.all([listener.close(), sender.close(500)])
    },
  }
}

/** The notifications of this process that its own listener will hear. */
export interface Echoes {
  readonly expect: (lane: number) => void
  /** Whether one was still to come, which it now does not any more. */
  readonly take: (lane: number) => boolean
  /** What was sent before listening began may never be heard. */
  readonly forget: () => void
}

/**
 * Who writes here was woken when it was written; its own notification, a moment later, would have every worker and every
 * live stream look once more, for nothing. Notifications do not say who sent them, so they are counted: where another
 * process's comes in between it is taken for the echo, and the echo, right behind, wakes in its place.
 */
export function createEchoes(): Echoes {
  const dueByLane = new Map<number, number>()
  return {
    expect: (lane) => void dueByLane.set(lane, (dueByLane.get(lane) ?? 0) + 1),
    take(lane) {
      const due = dueByLane.get(lane) ?? 0
      if (due === 0) return false
      dueByLane.set(lane, due - 1)
      return true
    },
    forget: () => dueByLane.clear(),
  }
}

/**
 * Sends at once, then at most once per interval and key; a touch while one is under way or the interval runs makes one
 * more at its end. So the last touch is always followed by a send.
 */
export function createCoalescer(
  send: (key: number) => Promise<void>,
  intervalMs: number,
): { readonly touch: (key: number) => void; readonly stop: () => void } {
  /** Keys on cool-down; `true` where one more send is due after it. */
  const dueByKey = new Map<number, boolean>()
  const timers = new Set<NodeJS.Timeout>()
  let stopped = false

  const run = async (key: number): Promise<void> => {
    dueByKey.set(key, false)
    await send(key)
    if (stopped) return
    const timer = setTimeout(() => {
      timers.delete(timer)
      if (dueByKey.get(key) === true) void run(key)
      else dueByKey.delete(key)
    }, intervalMs)
    timers.add(timer)
  }

  return {
    touch(key) {
      if (stopped) return
      if (dueByKey.has(key)) dueByKey.set(key, true)
      else void run(key)
    },
    stop() {
      stopped = true
      for (const timer of timers) clearTimeout(timer)
    },
  }
}
