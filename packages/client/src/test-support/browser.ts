import { IDBFactory, IDBKeyRange } from 'fake-indexeddb'
import type { Channel, Platform } from '../platform.ts'

/** One browser on one device: storage, locks and channels that its tabs share, and a clock that only tests move. */
export interface TestBrowser {
  tab(): TestTab
  /** Moves the clock, and runs the timers that fall due on the way. */
  advance(milliseconds: number): void
  now(): number
  readonly indexedDB: IDBFactory
  /** Messages between tabs are lost while this is set. */
  loseMessages: boolean
}

export interface TestTab {
  readonly platform: Platform
  /** The tab dies: its locks are let go, its timers and messages end, nothing is finished. */
  kill(): void
  /** The tab is looked at again, or the network is back. */
  wake(): void
}

interface Waiting {
  readonly name: string
  readonly grant: () => Promise<unknown>
}

export function createTestBrowser(): TestBrowser {
  const indexedDB = new IDBFactory()
  let now = Date.parse('2026-03-01T08:00:00.000Z')
  const timers = new Set<{ readonly at: number; readonly callback: () => void }>()
  const channels = new Map<string, Set<{ readonly deliver: (message: unknown) => void }>>()
  const holders = new Map<string, object>()
  const queue: Waiting[] = []

  function grantNext(name: string): void {
    if (holders.has(name)) return
    const index = queue.findIndex((each) => each.name === name)
    if (index < 0) return
    const [next] = queue.splice(index, 1)
    void next?.grant()
  }

  const browser: TestBrowser = {
    indexedDB,
    loseMessages: false,
    now: () => now,
    advance: (milliseconds) => {
      const end = now + milliseconds
      for (;;) {
        const due = [...timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0]
        if (due === undefined) break
        timers.delete(due)
        now = Math.max(now, due.at)
        due.callback()
      }
      now = end
    },
    tab: () => {
      const wakers = new Set<() => void>()
      const owned = new Set<() => void>()
      let dead = false
      const locks = {
        request: (name: string, options: LockOptions, callback: () => Promise<unknown>): Promise<unknown> =>
          new Promise((resolve, reject) => {
            const holder = {}
            const release = (): void => {
              owned.delete(release)
              if (holders.get(name) === holder) {
                holders.delete(name)
                grantNext(name)
              }
            }
            const waiting: Waiting = {
              name,
              grant: async () => {
                holders.set(name, holder)
                owned.add(release)
                try {
                  resolve(await callback())
                } catch (error) {
                  reject(error instanceof Error ? error : new Error(String(error)))
                } finally {
                  release()
                }
              },
            }
            options.signal?.addEventListener('abort', () => {
              const index = queue.indexOf(waiting)
              if (index >= 0) {
                queue.splice(index, 1)
                reject(new DOMException('aborted', 'AbortError'))
              }
            })
            queue.push(waiting)
            queueMicrotask(() => grantNext(name))
          }),
      }
      const platform: Platform = {
        now: () => now,
        random: (bytes) => {
          crypto.getRandomValues(bytes)
        },
        jitter: () => 1,
        indexedDB,
        keyRange: IDBKeyRange,
        locks: locks as unknown as LockManager,
        channel: (name): Channel => {
          const members = channels.get(name) ?? new Set()
          channels.set(name, members)
          const me = { deliver: (_message: unknown): void => undefined }
          members.add(me)
          return {
            post: (message) => {
              if (dead || browser.loseMessages) return
              for (const member of members) {
                if (member === me) continue
                const copy = structuredClone(message)
                setTimeout(() => member.deliver(copy), 0)
              }
            },
            onMessage: (callback) => {
              me.deliver = (message) => {
                if (!dead) callback(message)
              }
            },
            close: () => {
              members.delete(me)
            },
          }
        },
        setTimer: (callback, milliseconds) => {
          const timer = { at: now + milliseconds, callback: () => (dead ? undefined : callback()) }
          timers.add(timer)
          return () => {
            timers.delete(timer)
          }
        },
        onWake: (callback) => {
          wakers.add(callback)
          return () => {
            wakers.delete(callback)
          }
        },
        persist: () => Promise.resolve(true),
        persisted: () => Promise.resolve(false),
      }
      return {
        platform,
        kill: () => {
          dead = true
          for (const release of [...owned]) release()
        },
        wake: () => {
          for (const waker of [...wakers]) waker()
        },
      }
    },
  }
  return browser
}
