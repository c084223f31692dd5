/**
 * The event store port: what the command pipeline, the projection engine and the tests may ask of a log.
 * `@tidemark/store` implements it on Postgres, `@tidemark/testing` in memory; one contract suite runs on both.
 *
 * Every expected outcome is a value. A rejected promise means a bug or an outage the adapter could not bridge.
 */
import type { Json, JsonObject, JsonIssue } from '../stored-json.ts'
import type { AtomicAppendAnswer, AtomicAppendRequest } from './atomic-append.ts'
import type { MergedAppendAnswer, MergedAppendRequest } from './merged-append.ts'
import type { LanePage, StreamPage, StreamPageRead, TypeSubscription } from './paged-reads.ts'
import type { SplitAnswer, SplitRequest } from './split-stream.ts'

/**
 * The version a command was decided on: the number of events its stream had.
 * `0` and `'no-stream'` mean the stream must not exist yet, `'any'` appends without a check (commutative commands only),
 * `'stream-exists'` asks only for at least one event.
 */
export type ExpectedVersion = number | 'any' | 'no-stream' | 'stream-exists'

/** An event that is not stored yet. `data` must pass {@link toStoredJson}; `id` should be time-ordered. */
export interface NewEvent {
  readonly id: string
  /** Full type, `<aggregate>.<event>`, for example `order.placed`. */
  readonly type: string
  /** Schema version of `data`, from 1. */
  readonly schema: number
  readonly data: Json
  readonly metadata: JsonObject
}

/** An event as the log holds it. Positions and versions start at 1. */
export interface StoredEvent extends NewEvent {
  readonly lane: number
  /** Place in the lane: gap-free, in commit order. */
  readonly position: number
  readonly tenant: string
  readonly stream: string
  /** Place in the stream: 1, 2, 3 … */
  readonly version: number
  readonly principal: string
  readonly device: string | null
  /** Set on the last event of the append that a command made, `null` on the others. */
  readonly command: string | null
  /** When it happened on the device, clamped by the server. ISO 8601, UTC. */
  readonly occurredAt: string
  /** When the log stored it; never runs backwards in position order. ISO 8601, UTC. */
  readonly recordedAt: string
}

/** Identity of a command inside (tenant, principal). `hash` covers its immutable part, so a reused id is noticed. */
export interface CommandIdentity {
  readonly id: string
  /** 32 lower-case hex digits. */
  readonly hash: string
}

export interface AppendRequest {
  readonly tenant: string
  readonly stream: string
  readonly expected: ExpectedVersion
  /**
   * Id of the event that the stream must end with, else the answer is `conflict`, whatever its version. With it an
   * append may be sent before the one it was decided on is answered: where that one is not stored, this one is not
   * either, even if somebody else's event has made the version fit.
   */
  readonly after?: string
  readonly principal: string
  readonly device: string | null
  /** `null` for appends that need no idempotency (tests, migrations). */
  readonly command: CommandIdentity | null
  readonly occurredAt: string
  /**
   * None: the append only checks what it expects (`checked`), and its command has no result. A command that changed
   * nothing is settled instead.
   */
  readonly events: readonly NewEvent[]
}

/** Stores what became of a command that appended nothing: a refusal, or an acceptance without events. */
export interface SettleRequest {
  readonly tenant: string
  readonly stream: string
  readonly principal: string
  readonly device: string | null
  readonly command: CommandIdentity
  readonly outcome: EventlessOutcome
}

export type EventlessOutcome =
  | { readonly kind: 'refused'; readonly code: string; readonly params: JsonObject }
  | { readonly kind: 'nothing'; readonly version: number }

/** The first and only result of a command id. */
export type CommandResult =
  | {
      readonly kind: 'accepted'
      readonly stream: string
      /** Stream version after the command's last event. */
      readonly version: number
      readonly lane: number
      /** Lane position of the command's last event; for one without events, the lane's head when it was settled. */
      readonly position: number
      readonly hash: string
    }
  | {
      readonly kind: 'refused'
      readonly stream: string
      readonly code: string
      readonly params: JsonObject
      readonly lane: number
      readonly position: number
      readonly hash: string
    }

export type AppendAnswer =
  | { readonly kind: 'appended'; readonly version: number; readonly lane: number; readonly position: number }
  /** The append had no events, and the stream is where it expected it, at this version. Nothing was written. */
  | { readonly kind: 'checked'; readonly version: number }
  /** The command id is known with the same hash: nothing was written, here is what it led to the first time. */
  | { readonly kind: 'duplicate'; readonly result: CommandResult }
  /** The command id is known with another hash. */
  | { readonly kind: 'command-reused' }
  | { readonly kind: 'conflict'; readonly current: number }
  /** The stream was split: it takes no more events, and goes on as `successor`. Nothing was written. */
  | { readonly kind: 'stream-closed'; readonly successor: string }
  | { readonly kind: 'invalid'; readonly issues: readonly JsonIssue[] }
  /** The lane's queue is full. Nothing was written. */
  | { readonly kind: 'overloaded'; readonly retryAfterMs: number }
  /** The database could not be asked, or the outcome is unknown: ask again under the same command id. */
  | { readonly kind: 'unavailable'; readonly retryAfterMs: number; readonly cause: string }

export type SettleAnswer =
  | { readonly kind: 'settled'; readonly lane: number; readonly position: number }
  | Extract<AppendAnswer, { kind: 'duplicate' | 'command-reused' | 'invalid' | 'overloaded' | 'unavailable' }>

export interface StreamRead {
  readonly tenant: string
  readonly stream: string
  /** Events with a greater version are read; 0 reads from the start. */
  readonly after: number
  /** At most this many; all when left out. */
  readonly limit?: number
}

export interface LaneRead {
  readonly lane: number
  /** Events with a greater position are read. */
  readonly after: number
  readonly limit: number
  /** Only events up to this position; bounds the work where few events are of the wanted types. */
  readonly upTo?: number
  /**
   * Only these event types. Give `upTo` with them: there is no index by type, and the events found do not say how far was
   * looked. {@link EventStore.subscribeToTypes} does both.
   */
  readonly types?: readonly string[]
  /**
   * For who folds only: what no fold can see may come empty (`metadata`, `device`, `command`, `recordedAt`), which is a third of
   * the work of a read.
   */
  readonly bare?: boolean
}

export interface SubscribeOptions {
  readonly lane: number
  readonly after: number
  /** Largest batch handed over. Default 500. */
  readonly batch?: number
  readonly signal: AbortSignalLike
}

/** The part of `AbortSignal` that is used, so that core needs no DOM or Node types. */
export interface AbortSignalLike {
  readonly aborted: boolean
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/** Called when the log may have grown; a hint, never a promise. */
export type WakeListener = (lane: number) => void

export interface EventStore {
  /**
   * Appends the events of one command to one stream, at the expected version. Once the answer is `appended`, the
   * events survive a crash of server and database. Concurrent calls are grouped into batches; one call's answer never
   * depends on its neighbours'.
   */
  append(request: AppendRequest): Promise<AppendAnswer>

  /**
   * Appends events that hold the effect of many commands, with the result of each, all or nothing. For hot aggregates:
   * see the coalescer of `@tidemark/store`.
   */
  appendMerged(request: MergedAppendRequest): Promise<MergedAppendAnswer>

  /**
   * Appends to several streams of one tenant, all or nothing. Streams without events are only checked, and where none has
   * events nothing is written.
   */
  appendAtomically(request: AtomicAppendRequest): Promise<AtomicAppendAnswer>

  /**
   * Splits a stream that has grown too long: its closing event, its successor's first events and the closure are stored
   * in one call, or nothing is. From then on what is appended to the stream is answered `stream-closed`. What is carried
   * forward is the domain's to say, in events of its own, so that projections see it too.
   */
  splitStream(request: SplitRequest): Promise<SplitAnswer>

  /** Stores the outcome of a command without events, under the same lock and the same id rules as an append. */
  settle(request: SettleRequest): Promise<SettleAnswer>

  /** What became of these command ids; ids without a result are absent. */
  results(tenant: string, principal: string, commands: readonly string[]): Promise<ReadonlyMap<string, CommandResult>>

  /** One answer per read, in the same order. Unknown streams and streams of other tenants are empty arrays. */
  readStreams(reads: readonly StreamRead[]): Promise<readonly (readonly StoredEvent[])[]>

  /**
   * One page of a stream, forwards or backwards, of all types or of some. The work is bounded by the page, however
   * rare the types are.
   */
  readStreamPage(read: StreamPageRead): Promise<StreamPage>

  /** Events of a lane in position order. What was not there at position p will never appear at or below p later. */
  readLane(read: LaneRead): Promise<readonly StoredEvent[]>

  /** Catches up from `after`, then follows live; one code path. Pull-based: nothing is read ahead of the consumer. */
  subscribe(options: SubscribeOptions): AsyncIterable<readonly StoredEvent[]>

  /**
   * The same for some event types. A page comes also where nothing in it matched, and says up to where the lane has been
   * looked at: a checkpoint moves on, and whoever resumes from it does not look again.
   */
  subscribeToTypes(options: TypeSubscription): AsyncIterable<LanePage>

  /** Highest position of the lane, 0 when it is empty. */
  head(lane: number): Promise<number>

  /** The tenant's lane. A tenant not seen before gets one. */
  laneOf(tenant: string): Promise<number>

  /** Identity of the log's history; a restore or promotion starts a new one. */
  epoch(): Promise<string>

  /** Listens for hints that a lane may have grown (or that a command was settled in it). Returns the unsubscribe. */
  onWake(listener: WakeListener): () => void
}
