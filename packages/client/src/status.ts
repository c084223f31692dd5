import { isSameJson, type Json } from '@tidemark/core'
import { connectionOf } from './connection.ts'
import { DatabaseReplacedError, NewerSchemaError } from './database.ts'
import { createDerived, reuseList, type Live } from './live.ts'
import type { Mirror } from './mirror.ts'
import { COMMAND_OVERHEAD } from './pending-bytes.ts'
import type { Platform } from './platform.ts'
import { describeAttention, describePending, NOTHING_SENDING } from './queue.ts'
import type { SyncProcess } from './sync-process.ts'
import type { Network, Tabs } from './tabs.ts'
import type { SecondCopy } from './journal/second-copy.ts'
import type { RecoveryReport, SyncStatus } from './tidemark-client.ts'
import type { Attention, PendingCommand } from './work.ts'

export interface Status {
  readonly pending: Live<readonly PendingCommand[]>
  readonly attention: Live<readonly Attention[]>
  readonly live: Live<SyncStatus>
  /** Something about the network of this tab changed. */
  changed(): void
  /** A consistent cut is stored. */
  synced(): void
  /** This tab leads: what an earlier leader told counts no more. */
  leads(): void
  /** The leading tab told what it sees. */
  heard(network: Network): void
  /** What was brought back or lost is known, or dismissed. */
  recovered(report: RecoveryReport | null): void
  /** Tells the other tabs, where this one leads. */
  tell(): void
  /** Asks the browser, once, not to evict what a person has entered. */
  keepData(): void
  trouble(error: unknown): void
}

export interface StatusOptions {
  readonly mirror: Mirror
  readonly process: SyncProcess
  readonly tabs: Tabs
  readonly platform: Pick<Platform, 'now' | 'persist' | 'persisted'>
  readonly hasSynced: boolean
  /** Unsent work may take so many bytes. */
  readonly maxPendingBytes: number
  /** Milliseconds since 1970, from an earlier visit. */
  readonly lastContact: number | null
  readonly copy: Pick<SecondCopy, 'state'>
  /** That nobody has dismissed yet. */
  readonly recovery: RecoveryReport | null
}

export function createStatus(options: StatusOptions): Status {
  const { mirror, process, tabs, platform, hasSynced, lastContact, copy } = options
  let { recovery } = options
  let synced = hasSynced
  let heard: Network | null = null
  let persisted: boolean | 'unknown' = 'unknown'
  let asked = false
  let told: Network | null = null
  /** Why nothing can be stored any more. */
  let stopped: SyncStatus['connection'] | null = null

  const network = (): Network => {
    const isClosed = process.state.kind === 'closed'
    if (!tabs.isLeader && !isClosed && heard !== null) return heard
    const contact = process.lastContact ?? lastContact
    return {
      connection: stopped ?? connectionOf(process.state),
      lastContactAt: contact === null ? null : new Date(contact).toISOString(),
      initial: synced ? 'done' : initialOf(process.progress),
    }
  }
  const sending = () => (tabs.isLeader ? process.sending : NOTHING_SENDING)
  const isSame = (a: unknown, b: unknown): boolean => isSameJson(a as Json, b as Json)

  const pending = createDerived<readonly PendingCommand[]>((previous) =>
    reuseList(
      previous,
      describePending(mirror.commands(), mirror.attention(), sending(), network().connection, platform.now()),
      isSame,
      (each) => each.id,
    ),
  )
  const attention = createDerived<readonly Attention[]>((previous) =>
    reuseList(previous, describeAttention(mirror.around(), mirror.attention()), isSame, (each) => each.id),
  )
  const live = createDerived<SyncStatus>((previous) => {
    const listed = attention.get().length
    const shown = network()
    const next: SyncStatus = {
      ...shown,
      tooOldFor: shown.connection !== 'upgrade-required' ? null : stopped === null ? 'server' : 'device',
      pending: mirror.pending,
      room: (mirror.versions.bytes ?? 0) + COMMAND_OVERHEAD > options.maxPendingBytes ? 'none' : 'enough',
      attention: Math.max(listed, mirror.aside),
      oldestPendingAt: mirror.commands()[0]?.occurredAt ?? null,
      leader: tabs.isLeader,
      persisted,
      secondCopy: copy.state,
      recovery,
    }
    return previous !== undefined && isSame(previous, next) ? previous : next
  })
  for (const derived of [attention, pending, live]) mirror.onWork(derived)

  function changed(): void {
    tell()
    pending.invalidate()
    live.invalidate()
    for (const listener of [...pending.settle(), ...live.settle()]) listener()
  }

  function tell(force = false): void {
    if (!tabs.isLeader) return
    const next = network()
    if (!force && told !== null && isSame(told, next)) return
    told = next
    tabs.post({ kind: 'network', network: next })
  }

  function setPersisted(value: boolean | undefined): void {
    persisted = value ?? 'unknown'
    changed()
  }
  platform.persisted().then(setPersisted, () => setPersisted(undefined))

  return {
    pending,
    attention,
    live,
    changed,
    synced: () => {
      synced = true
      changed()
    },
    leads: () => {
      heard = null
    },
    heard: (next) => {
      heard = next
      if (next.initial === 'done') synced = true
      changed()
    },
    recovered: (report) => {
      recovery = report
      changed()
    },
    tell: () => tell(true),
    keepData: () => {
      if (asked) return
      asked = true
      platform.persist().then(setPersisted, () => setPersisted(undefined))
    },
    trouble: (error) => {
      console.error('[tidemark]', error)
      if (error instanceof NewerSchemaError) stopped = 'upgrade-required'
      if (error instanceof DatabaseReplacedError) stopped = 'storage-trouble'
      changed()
    },
  }
}

function initialOf(progress: SyncProcess['progress']): SyncStatus['initial'] {
  if (progress === null) return 'loading'
  const all = progress.done + progress.remaining
  return { progress: all === 0 ? 0 : progress.done / all }
}
