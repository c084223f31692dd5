import type { Change } from './change.ts'
import type { Channel, Platform } from './platform.ts'
import type { SyncStatus } from './tidemark-client.ts'

/** What tabs of one database tell each other. Hints only: whoever misses one finds the same by the stored versions. */
export type TabMessage =
  | { readonly kind: 'change'; readonly change: Change }
  /** The leading tab's view of the network. */
  | { readonly kind: 'network'; readonly network: Network }
  /** A new tab asks the leading one for it. */
  | { readonly kind: 'hello' }
  /** A person asks to try now. */
  | { readonly kind: 'sync' }
  /** The person signed out in another tab. */
  | { readonly kind: 'signed-out' }

export interface Network {
  readonly connection: SyncStatus['connection']
  readonly lastContactAt: string | null
  readonly initial: SyncStatus['initial']
}

export interface Tabs {
  post(message: TabMessage): void
  readonly isLeader: boolean
  close(): void
}

export interface TabsOptions {
  readonly name: string
  readonly platform: Pick<Platform, 'locks' | 'channel'>
  readonly onLead: () => void
  readonly onMessage: (message: TabMessage) => void
  readonly onTrouble: (error: unknown) => void
}

/** Elects the one tab that does the network: whoever holds the lock. A tab that dies lets go of it. */
export function openTabs({ name, platform, onLead, onMessage, onTrouble }: TabsOptions): Tabs {
  const lockName = `tidemark:${name}`
  const channel: Channel | undefined = platform.channel(lockName)
  channel?.onMessage((message) => onMessage(message as TabMessage))
  const closing = new AbortController()
  let letGo: (() => void) | undefined
  let isLeader = false

  function lead(): void {
    if (closing.signal.aborted) return
    isLeader = true
    onLead()
  }

  if (platform.locks === undefined) {
    // Without locks tabs cannot agree: each does its own network. The server and the stored cursor keep it right.
    queueMicrotask(lead)
  } else {
    platform.locks
      .request(lockName, { signal: closing.signal }, () => {
        // Granted while this tab was closing: an abort no longer reaches the request, and nobody would let go.
        if (closing.signal.aborted) return Promise.resolve()
        lead()
        return new Promise<void>((resolve) => {
          letGo = resolve
        })
      })
      .catch((error: unknown) => {
        if (!closing.signal.aborted) onTrouble(error)
      })
  }

  return {
    post: (message) => {
      if (!closing.signal.aborted) channel?.post(message)
    },
    get isLeader() {
      return isLeader
    },
    close: () => {
      closing.abort()
      isLeader = false
      letGo?.()
      channel?.close()
    },
  }
}
