import type { Change } from './change.ts'
import { seekLeadership, type LeadershipOptions } from './leadership.ts'
import type { Channel, Platform } from './platform.ts'
import type { RecoveryReport, SyncStatus } from './tidemark-client.ts'

/** What tabs of one database tell each other. Hints only: whoever misses one finds the same by the stored versions. */
export type TabMessage =
  | { readonly kind: 'change'; readonly change: Change }
  /** The leading tab's view of the network. */
  | { readonly kind: 'network'; readonly network: Network }
  /** The leading tab is alive, in this term; `null`: a term is about to begin. */
  | { readonly kind: 'beat'; readonly term: number | null }
  /** A new tab asks the leading one for it. */
  | { readonly kind: 'hello' }
  /** A person asks to try now. */
  | { readonly kind: 'sync' }
  /** What was brought back or lost; `null`: a person has seen it. */
  | { readonly kind: 'recovery'; readonly report: RecoveryReport | null }
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
  /** The term this tab leads in, `undefined` while it does not; `null` where there are no locks to fence with. */
  readonly term: number | null | undefined
  /** The term turned out to be over. */
  resign(term: number): void
  close(): void
}

export interface TabsOptions extends Pick<LeadershipOptions, 'claim' | 'onLead' | 'onFollow' | 'onTrouble'> {
  readonly name: string
  readonly platform: Pick<Platform, 'locks' | 'channel' | 'setTimer' | 'now'>
  readonly onMessage: (message: Exclude<TabMessage, { kind: 'beat' }>) => void
}

/** Joins the tabs of one database: the channel between them, and the election of the one that does the network. */
export function openTabs({ name, platform, onMessage, ...election }: TabsOptions): Tabs {
  const channelName = `tidemark:${name}`
  const channel: Channel | undefined = platform.channel(channelName)
  let closed = false
  const post = (message: TabMessage): void => {
    if (!closed) channel?.post(message)
  }
  const leadership = seekLeadership({
    ...election,
    lockName: channelName,
    platform,
    canHear: channel !== undefined,
    onBeat: (term) => post({ kind: 'beat', term }),
  })
  channel?.onMessage((received) => {
    const message = received as TabMessage
    if (message.kind === 'beat') leadership.heard(message.term)
    else onMessage(message)
  })

  return {
    post,
    get isLeader() {
      return leadership.term !== undefined
    },
    get term() {
      return leadership.term
    },
    resign: (term) => leadership.resign(term),
    close: () => {
      closed = true
      leadership.close()
      channel?.close()
    },
  }
}
