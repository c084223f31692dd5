import type {
  AnyAggregate,
  AnyProjection,
  CommandDefinition,
  CommandInput,
  Domain,
  DomainEvent,
  Json,
  JsonObject,
  OtherInstallation,
  Principal,
  PushedCommand,
  QueryDefinition,
  QueryInput,
  QueryOutput,
  ReadFailure,
  RefusalCode,
  RowOf,
  StateOf,
  StreamId,
  Uuid,
  ValidationIssue,
} from '@tidemark/core'
import type { StoredLive } from './first-read.ts'
import type { LostCommand } from './journal/journal.ts'
import type { Live, Loading } from './live.ts'
import type { PendingRoom } from './pending-bytes.ts'
import type { StorageFailure } from './storage-failure.ts'
import type { NotLoaded } from './part.ts'
import type { Attention, PendingCommand, Resolution, ResolveResult } from './work.ts'

/** One signed-in person's copy of the app's data on this device: reads, commands and sync. */
export interface TidemarkClient {
  readonly domain: Domain
  readonly principal: Principal
  readonly deviceId: Uuid
  /** A stream that does not exist yet. Minted here, so its state is known to be new and commands on it show at once. */
  newStream(aggregate: AnyAggregate): StreamId
  /**
   * Decides a command, shows its effect in the same frame and stores it. Resolves when it is safely stored; sending is
   * the client's business from then on. Rejects only on a bug in the domain's own code.
   */
  dispatch<C extends CommandDefinition>(
    command: C,
    target: { readonly stream: StreamId; readonly input: CommandInput<C> },
  ): Promise<DispatchResult<RefusalCode<C>>>
  /** Rows of a projection, in the order of one of its indexes, pending changes included. */
  rows<P extends AnyProjection>(projection: P, query?: RowQuery<RowOf<P>>): StoredLive<RowsSnapshot<RowOf<P>>>
  /** One row; `undefined` where there is none. */
  row<P extends AnyProjection>(projection: P, key: string): StoredLive<SyncedRow<RowOf<P>> | undefined | Loading>
  /** State of a stream, pending changes included; `undefined` while loading and where this device does not know it. */
  state<A extends AnyAggregate>(aggregate: A, stream: StreamId): Live<SyncedState<StateOf<A>> | undefined>
  /** The first commands without a confirmed outcome, in order: all of up to a hundred. `status` counts all there are. */
  readonly pending: Live<readonly PendingCommand[]>
  /** The first commands that wait for a person: all of up to a hundred. `status` counts all there are. */
  readonly attention: Live<readonly Attention[]>
  readonly status: Live<SyncStatus>
  /** What happened in a stream, when and by whom: from the server, and this device's own pending events after it. */
  history(stream: StreamId, signal?: AbortSignal): Promise<HistoryResult>
  /**
   * Asks the server what only it can answer. The answer holds what this device shows as confirmed and what this tab has sent.
   * Nothing of it is kept on the device: without a network it is `offline`.
   */
  query<Q extends QueryDefinition>(
    definition: Q,
    input: QueryInput<Q>,
    options?: QueryOptions,
  ): Promise<QueryResult<QueryOutput<Q>>>
  /** A person's decision on something in `attention`. */
  resolve(attentionId: string, resolution: Resolution): Promise<ResolveResult>
  /** Whether the command's own rule lets this principal send it. The server asks again. */
  allows(command: CommandDefinition): boolean
  /** Try now: after signing in again, or because a person asks. */
  sync(): void
  /** What is pending, for a file; nothing changes. */
  exportPending(): Promise<PendingExport>
  /** Takes back what `exportPending` gave, here or on another device: sent twice, a command counts once. */
  importPending(exported: unknown): Promise<ImportResult>
  /** A person has seen `status.recovery`. */
  dismissRecovery(): Promise<void>
  close(): Promise<void>
  /**
   * Ends this person's use of the device. Without unsent work the copy is deleted. With unsent work it refuses unless
   * told to send it first and all of it got through, to keep it for the next sign-in, or to discard exactly the number of
   * commands the person was shown (after `exportPending`, where they want it in a file).
   */
  signOut(choice?: SignOutChoice): Promise<SignOutResult>
}

export type DispatchResult<Code extends string = string> =
  /** Safe on this device. `queued`: it will be sent, but its effect is not shown until the server has decided. */
  | { readonly kind: 'stored'; readonly commandId: Uuid; readonly stream: StreamId; readonly queued: boolean }
  /** It holds and changes nothing; nothing was stored. */
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'refused'; readonly code: Code; readonly params: JsonObject }
  | { readonly kind: 'invalid'; readonly issues: readonly ValidationIssue[] }
  | { readonly kind: 'forbidden' }
  /** The device could not store it, or has too much that is unsent; what was shown has been taken back. */
  | StorageFailure

export interface RowQuery<Row> {
  /** An index the projection declares; without one, rows come in the order of their keys. */
  readonly index?: string
  /** Equality. Fields that lead the index are looked up by it, others are compared row by row. */
  readonly where?: { readonly [Field in keyof Row]?: Row[Field] & Json }
  /** Compared by reference: keep it stable while it means the same. */
  readonly filter?: (row: Row) => boolean
  /** At most this many rows; default all. */
  readonly limit?: number
}

export interface SyncedRow<Row> {
  readonly key: string
  readonly row: Row
  /** Commands folded into it that the server has not confirmed. */
  readonly pending: number
  /** A command that touches it waits for a person. */
  readonly attention: boolean
  /** The server knows that it is behind. */
  readonly stale: boolean
}

export interface SyncedState<State> {
  readonly stream: StreamId
  readonly version: number
  readonly state: State
  readonly pending: number
  readonly attention: boolean
  readonly stale: boolean
}

export interface RowsSnapshot<Row> {
  readonly status: 'loading' | 'ready'
  readonly rows: readonly SyncedRow<Row>[]
  /** There are rows beyond `limit`. */
  readonly more: boolean
  /** How many rows match, where that is known without reading further. */
  readonly total?: number
}

export interface SyncStatus {
  /** From evidence, never from `navigator.onLine`. */
  readonly connection:
    | 'offline'
    | 'connecting'
    | 'live'
    | 'needs-sign-in'
    | 'upgrade-required'
    | 'server-busy'
    | 'storage-trouble'
  /**
   * What this code is too old for, where `connection` is `upgrade-required`. The `server`: work goes on here, and is sent
   * after an update. This `device`: newer code has stored data in another tab, so this tab stores nothing more until it is
   * reloaded; pending commands are kept.
   */
  readonly tooOldFor: 'server' | 'device' | null
  /** Commands without a confirmed outcome, those that wait for a person included. */
  readonly pending: number
  readonly attention: number
  /** ISO 8601, UTC, on this device's clock. */
  readonly lastContactAt: string | null
  readonly oldestPendingAt: string | null
  /** The first sync. `progress` is the share of rows that are here, 0 to 1. */
  readonly initial: 'loading' | { readonly progress: number } | 'done'
  /**
   * Room for unsent work. `none`: `dispatch` answers `storage`, `full`, until
   * some has got through; nothing that was kept before is touched.
   */
  readonly room: PendingRoom
  /** This tab does the network for all tabs. */
  readonly leader: boolean
  /** Whether the browser has promised not to evict the data. */
  readonly persisted: boolean | 'unknown'
  /**
   * The journal beside the database, which brings pending commands back where the browser loses one of the two. `missing`:
   * this browser has no place for it. `failing`: it could not be written, and is tried again.
   */
  readonly secondCopy: 'opening' | 'kept' | 'missing' | 'failing'
  /** What this device had lost, and has brought back or not. Stays until `dismissRecovery`. */
  readonly recovery: RecoveryReport | null
}

/** What was found where one of the two copies of pending commands had lost something. */
export interface RecoveryReport {
  /** ISO 8601, UTC: when it was found. */
  readonly at: string
  /** Commands that one copy had lost and the other has brought back. */
  readonly restored: number
  /** Commands that both copies have lost, by name. */
  readonly lost: readonly LostCommand[]
  /** Further commands that are lost, of which only the number is known. */
  readonly unnamed: number
  /** Everything that the server had confirmed until then is safe there; `null` where that is not known. */
  readonly lastContactAt: string | null
  /**
   * Where this installation is new: others of the same person that had unsent work when the server last heard of them.
   * One of them may have been this browser, whose site data is gone; then that work is lost, and what was made after
   * `seenAt` with it.
   */
  readonly elsewhere: readonly OtherInstallation[]
}

export interface HistoryEntry {
  readonly id: Uuid
  readonly type: string
  readonly version: number
  readonly principal: string
  readonly occurredAt: string
  /** When the server stored it; `null` while it is pending. */
  readonly recordedAt: string | null
  /** Only on this device so far. */
  readonly pending: boolean
  readonly content:
    | { readonly kind: 'event'; readonly event: DomainEvent }
    /** Stored by code this app does not have. */
    | { readonly kind: 'unreadable'; readonly failure: ReadFailure }
}

export type HistoryResult =
  | { readonly kind: 'history'; readonly entries: readonly HistoryEntry[] }
  /** The server knows no such stream, or not for this person. `entries` are this device's own pending events. */
  | { readonly kind: 'unknown'; readonly entries: readonly HistoryEntry[] }
  /** The server is out of reach. `entries` are this device's own pending events. */
  | { readonly kind: 'offline'; readonly entries: readonly HistoryEntry[] }
  | { readonly kind: 'needs-sign-in'; readonly entries: readonly HistoryEntry[] }
  | { readonly kind: 'upgrade-required'; readonly entries: readonly HistoryEntry[] }

export interface QueryOptions {
  readonly signal?: AbortSignal
  /** How long the server may wait for the answer to hold that. Milliseconds, at most 10,000, default 2,000. */
  readonly waitMs?: number
  /** When that time is up: the answer as it is, marked `stale` (default); or none, `late`. */
  readonly late?: 'stale' | 'refuse'
}

export type QueryResult<Output = unknown> =
  /** `stale`: it may lack what this device has written or seen last. */
  | { readonly kind: 'answer'; readonly output: Output; readonly stale: boolean }
  | { readonly kind: 'late'; readonly reason: 'timeout' | 'unknown_token' }
  /** The server is filling what it answers from, for the first time. `progress`: 0 to 1. */
  | { readonly kind: 'building'; readonly progress: number }
  | { readonly kind: 'invalid'; readonly issues: readonly ValidationIssue[] }
  | { readonly kind: 'forbidden' }
  | { readonly kind: 'offline' }
  /** The server is there and asks to come back later. */
  | { readonly kind: 'busy' }
  | { readonly kind: 'needs-sign-in' }
  | { readonly kind: 'upgrade-required' }

/** Pending commands in JSON, as they would be sent. */
export interface PendingExport {
  readonly format: 'tidemark-pending'
  readonly protocol: number
  readonly domain: string
  readonly tenant: string
  readonly principal: string
  /** ISO 8601, UTC. */
  readonly exportedAt: string
  readonly commands: readonly PushedCommand[]
}

export type ImportResult =
  /** `known`: they were pending or confirmed here already. */
  | { readonly kind: 'imported'; readonly added: number; readonly known: number }
  /** Of another app or person: only they can send it. */
  | { readonly kind: 'other-account'; readonly domain: string; readonly tenant: string; readonly principal: string }
  | { readonly kind: 'unreadable'; readonly issues: readonly ValidationIssue[] }
  | NotLoaded
  | StorageFailure

export type SignOutChoice =
  | { readonly kind: 'sync' }
  | { readonly kind: 'keep' }
  | { readonly kind: 'discard'; readonly count: number }

export type SignOutResult =
  /** `kept` commands stay on the device for this person's next sign-in; with 0 everything was deleted. */
  | { readonly kind: 'signed-out'; readonly kept: number }
  /** Unsent work exists and the choice does not cover it; nothing happened. */
  | { readonly kind: 'pending-work'; readonly count: number }
  | NotLoaded
  | StorageFailure
