import { IDBFactory, IDBKeyRange } from 'fake-indexeddb'
import type { Transport } from '@tidemark/core'
import type { Channel, Platform } from '../platform.ts'
import { createMemoryJournals, type MemoryJournals } from './memory-journal.ts'

/** One browser on one device: storage, locks and channels that its tabs share, and a clock that only tests move. */
export interface TestBrowser {
  tab(): TestTab
  /** Moves the clock, and runs the timers that fall due on the way. */
  advance(milliseconds: number): void
  now(): number
  /** A person, or the browser, may take it away. */
  indexedDB: IDBFactory
  readonly journals: MemoryJournals
  readonly notes: Map<string, string>
  /** Messages between tabs are lost while this is set. */
  loseMessages: boolean
}

export interface TestTab {
  readonly platform: Platform
  /** The tab dies: its locks are let go, its timers and messages end, nothing is finished. */
  kill(): void
  /** The tab is looked at again, or the network is back. */
  wake(): void
  /** The browser stops running the tab: no timer, message, reply or news of its locks reaches it. It keeps its locks. */
  freeze(): void
  /** It runs again, and all of that reaches it. `withoutLocks`: the news of its locks does not. */
  thaw(how?: 'withoutLocks'): void
  /** The network as the tab sees it: what arrives while it is frozen waits. */
  online(transport: Transport): Transport
}

interface Waiting {
  readonly name: string
  readonly grant: () => Promise<unknown>
}

interface Holder {
  readonly letGo: () => void
  readonly stolen: () => void
}

export function createTestBrowser(): TestBrowser {
  const journals = createMemoryJournals()
  const notes = new Map<string, string>()
  let now = Date.parse('2026-03-01T08:00:00.000Z')
  const timers = new Set<{ readonly at: number; readonly callback: () => void }>()
  const mail = new Set<() => void>()
  const channels = new Map<string, Set<{ readonly deliver: (message: unknown) => void }>>()
  const holders = new Map<string, Holder>()
  const queue: Waiting[] = []

  function grantNext(name: string): void {
    if (holders.has(name)) return
    const index = queue.findIndex((each) => each.name === name)
    if (index < 0) return
    const [next] = queue.splice(index, 1)
    void next?.grant()
  }

  const browser: TestBrowser = {
    indexedDB: new IDBFactory(),
    journals,
    notes,
    loseMessages: false,
    now: () => now,
    advance: (milliseconds) => {
      const end = now + milliseconds
      for (;;) {
        // Time passes for all tabs alike: what one has told is heard before the clock moves on.
        for (const deliver of [...mail]) deliver()
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
      /** What waits for the tab to run again; `undefined` while it runs. */
      let frozen:
        | { readonly network: (() => void)[]; readonly rest: (() => void)[]; readonly locks: (() => void)[] }
        | undefined
      const whenRunning = (kind: 'network' | 'rest' | 'locks', callback: () => void): void => {
        if (frozen === undefined) callback()
        else frozen[kind].push(callback)
      }
      const running = (): Promise<void> => new Promise((resolve) => whenRunning('network', resolve))
      const locks = {
        request: (name: string, options: LockOptions, callback: () => Promise<unknown>): Promise<unknown> =>
          new Promise((resolve, reject) => {
            if (options.steal === true && options.signal !== undefined) {
              reject(new DOMException('A request that steals may not carry a signal.', 'NotSupportedError'))
              return
            }
            const release = (): void => {
              owned.delete(release)
              if (holders.get(name) === holder) {
                holders.delete(name)
                grantNext(name)
              }
            }
            const holder: Holder = {
              letGo: release,
              stolen: () => {
                owned.delete(release)
                const lost = (): void => reject(new DOMException('The lock was stolen.', 'AbortError'))
                whenRunning('locks', lost)
              },
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
            if (options.steal === true) {
              const robbed = holders.get(name)
              holders.delete(name)
              robbed?.stolen()
              void waiting.grant()
              return
            }
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
        indexedDB: browser.indexedDB,
        keyRange: IDBKeyRange,
        journal: (name) => journals.host(name, owned),
        notes: {
          read: (key) => notes.get(key) ?? null,
          write: (key, text) => {
            if (text === null) notes.delete(key)
            else notes.set(key, text)
          },
        },
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
                const deliver = (): void => {
                  if (mail.delete(deliver)) member.deliver(copy)
                }
                mail.add(deliver)
                setImmediate(deliver)
              }
            },
            onMessage: (callback) => {
              me.deliver = (message) => {
                whenRunning('rest', () => {
                  if (!dead) callback(message)
                })
              }
            },
            close: () => {
              members.delete(me)
            },
          }
        },
        setTimer: (callback, milliseconds) => {
          const due = (): void => {
            if (!dead && !cancelled) callback()
          }
          let cancelled = false
          const timer = { at: now + milliseconds, callback: () => whenRunning('rest', due) }
          timers.add(timer)
          return () => {
            cancelled = true
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
        freeze: () => {
          frozen ??= { network: [], rest: [], locks: [] }
        },
        thaw: (how) => {
          const waiting = frozen
          frozen = undefined
          if (waiting === undefined) return
          const { network, rest, locks: news } = waiting
          for (const callback of [...network, ...rest, ...(how === undefined ? news : [])]) callback()
        },
        online: (transport) => {
          const arriving = async <T>(reply: Promise<T>): Promise<T> => {
            const received = await reply
            await running()
            return received
          }
          return {
            push: (request, signal) => arriving(transport.push(request, signal)),
            pull: (request, signal) => arriving(transport.pull(request, signal)),
            history: (request, signal) => arriving(transport.history(request, signal)),
            live: (request, onMessage, signal) => {
              const receive: typeof onMessage = async (message) => {
                await running()
                await onMessage(message)
              }
              return arriving(transport.live(request, receive, signal))
            },
          }
        },
      }
    },
  }
  return browser
}
