import type { JournalHost } from './journal/journal.ts'

/** What the client needs from where it runs. Everything has a browser default; tests hand in their own. */
export interface Platform {
  /** Milliseconds since 1970. Never used for ordering. */
  now(): number
  /** Fills the array with random bytes. */
  random(bytes: Uint8Array<ArrayBuffer>): void
  /** A number in [0, 1), for jitter. */
  jitter(): number
  readonly indexedDB: IDBFactory
  readonly keyRange: typeof IDBKeyRange
  /** Holds the second journal of a database; `undefined`: in a worker, where the browser has a place for it. */
  readonly journal: ((name: string) => JournalHost | undefined) | undefined
  /** Small notes beside the database. `null` where there is none; writing `null` removes it. Never throws. */
  readonly notes: { read(key: string): string | null; write(key: string, text: string | null): void }
  /** Leader election among tabs; without it every tab leads itself. */
  readonly locks: LockManager | undefined
  /** Hints between tabs; `undefined` where there is no channel. */
  channel(name: string): Channel | undefined
  /** Runs the callback once after that many milliseconds, unless cancelled by what it returns. */
  setTimer(callback: () => void, milliseconds: number): () => void
  /** Calls back whenever trying the network again at once makes sense. Returns the way to stop. */
  onWake(callback: () => void): () => void
  /** Asks the browser not to evict the data; `undefined` where it cannot be asked. */
  persist(): Promise<boolean | undefined>
  /** Whether the browser has promised so; `undefined` where it cannot be told. */
  persisted(): Promise<boolean | undefined>
}

/** The part of `BroadcastChannel` that is used. */
export interface Channel {
  post(message: unknown): void
  onMessage(callback: (message: unknown) => void): void
  close(): void
}

/** The browser's own. Nothing is touched until it is called, so the module may be loaded anywhere. */
export function browserPlatform(): Platform {
  return {
    now: () => Date.now(),
    random: (bytes) => {
      crypto.getRandomValues(bytes)
    },
    jitter: () => Math.random(),
    indexedDB: globalThis.indexedDB,
    keyRange: globalThis.IDBKeyRange,
    journal: undefined,
    notes: {
      read: (key) => {
        try {
          return localStorage.getItem(key)
        } catch {
          return null
        }
      },
      write: (key, text) => {
        try {
          if (text === null) localStorage.removeItem(key)
          else localStorage.setItem(key, text)
        } catch {
          // Full or forbidden: it is a note, nothing depends on it.
        }
      },
    },
    locks: globalThis.navigator?.locks,
    channel: (name) => {
      if (typeof BroadcastChannel === 'undefined') return undefined
      const channel = new BroadcastChannel(name)
      return {
        post: (message) => channel.postMessage(message),
        onMessage: (callback) => {
          channel.onmessage = (event: MessageEvent) => callback(event.data)
        },
        close: () => channel.close(),
      }
    },
    setTimer: (callback, milliseconds) => {
      const timer = setTimeout(callback, milliseconds)
      return () => clearTimeout(timer)
    },
    onWake: (callback) => {
      if (typeof window === 'undefined') return () => undefined
      const onVisible = (): void => {
        if (document.visibilityState === 'visible') callback()
      }
      window.addEventListener('online', callback)
      window.addEventListener('focus', callback)
      window.addEventListener('pageshow', callback)
      document.addEventListener('visibilitychange', onVisible)
      return () => {
        window.removeEventListener('online', callback)
        window.removeEventListener('focus', callback)
        window.removeEventListener('pageshow', callback)
        document.removeEventListener('visibilitychange', onVisible)
      }
    },
    persist: async () => await globalThis.navigator?.storage?.persist?.(),
    persisted: async () => await globalThis.navigator?.storage?.persisted?.(),
  }
}
