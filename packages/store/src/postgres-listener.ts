/**
 * LISTEN on a connection of its own, for ever: the driver's own `listen` gives up when a reconnect fails, and a half-open
 * link tells nobody. So the connection is probed, and a lost one is replaced until the listener is closed.
 */
import type { Sql } from 'postgres'
import { connect } from './postgres-driver.ts'

export interface ListenerOptions {
  readonly url: string
  readonly applicationName: string
  readonly channel: string
  readonly onNotify: (payload: string) => void
  /** Called each time listening begins: what was notified before is lost, so look for yourself. */
  readonly onListening: () => void
  /** How often the link is probed. Default 10,000. */
  readonly probeMs?: number
}

export interface Listener {
  close(): Promise<void>
}

const PROBE_DEADLINE_MS = 3_000
const LONGEST_PAUSE_MS = 2_000

export function listen(options: ListenerOptions): Listener {
  const probeMs = options.probeMs ?? 10_000
  let closed = false
  /** Ends the current wait: the connection was lost, or the listener is closed. */
  let interrupt = (): void => {}
  /** Fails what the current connection is being asked. */
  let hangUp = (): void => {}

  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      interrupt = () => {
        clearTimeout(timer)
        resolve()
      }
    })

  /** Listens until the connection is lost. */
  const listenOnce = async (): Promise<boolean> => {
    let lost = false
    const client: Sql = connect(
      {
        url: options.url,
        maxConnections: 1,
        applicationName: options.applicationName,
        deadlineMs: PROBE_DEADLINE_MS,
        onLost: () => {
          lost = true
          interrupt()
        },
      },
      (_channel, payload) => options.onNotify(payload),
    )
    hangUp = () => void client.end({ timeout: 0 }).catch(() => {})
    const answers = async (statement: string): Promise<boolean> => {
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<false>((resolve) => {
        timer = setTimeout(resolve, PROBE_DEADLINE_MS, false)
      })
      const asked = client.unsafe(statement).then(
        () => true,
        () => false,
      )
      const answered = await Promise.race([asked, late])
      clearTimeout(timer)
      return answered
    }
    const listening = await answers(`listen "${options.channel}"`)
    if (listening && !lost && !closed) {
      options.onListening()
      while (!lost && !closed) {
        await pause(probeMs)
        // A probe on a new connection would succeed and hear nothing, hence the look at `lost` first.
        if (lost || closed || !(await answers('select 1'))) break
      }
    }
    lost = true
    hangUp()
    return listening
  }

  const follow = async (): Promise<void> => {
    let failures = 0
    while (!closed) {
      failures = (await listenOnce()) ? 0 : failures + 1
      if (!closed) await pause(Math.min(LONGEST_PAUSE_MS, 50 * 2 ** failures) * (0.5 + Math.random() / 2))
    }
  }
  const following = follow()

  return {
    async close() {
      closed = true
      interrupt()
      hangUp()
      await following
    },
  }
}
