import type { DomainEvent, Json, JsonObject, PushAnswer, StreamId, Uuid, ValidationIssue } from '@tidemark/core'
import type { StorageFailure } from './storage-failure.ts'
import type { NotLoaded } from './part.ts'

/** Why a pending command is still here. Every pending command has exactly one cause (I13). */
export type PendingCause =
  /** It goes with the next push. */
  | { readonly kind: 'next' }
  /** No server within reach; it goes when there is one. */
  | { readonly kind: 'offline' }
  /** The server wants a fresh sign-in first. */
  | { readonly kind: 'sign-in' }
  /** The server does not talk to a client this old; it goes after the app was updated. */
  | { readonly kind: 'upgrade' }
  /** This device cannot store what the server sends (disk full, storage broken); it goes when it can. */
  | { readonly kind: 'storage' }
  /** The server asked to wait; `until` is milliseconds since 1970 on this device, where it said how long. */
  | { readonly kind: 'server-busy'; readonly reason: string; readonly until: number | null }
  /** An earlier command of its stream has to be answered first. */
  | { readonly kind: 'behind'; readonly command: Uuid }
  /** An earlier command of its stream waits for a person. */
  | { readonly kind: 'blocked'; readonly command: Uuid; readonly attention: string }
  /** On its way; no answer yet. */
  | { readonly kind: 'sending' }
  /** Answered by the server; the rows that show it are on their way. */
  | { readonly kind: 'awaiting-outcome'; readonly answer: 'accepted' | 'refused' }
  /** It no longer holds on what the server has shown since; the server decides. */
  | { readonly kind: 'no-longer-holds'; readonly code: string; readonly params: JsonObject }
  /** Set aside for a person. */
  | { readonly kind: 'attention'; readonly attention: string; readonly reason: AttentionReason['kind'] }

/** A command that the server has not confirmed in rows yet. */
export interface PendingCommand {
  readonly id: Uuid
  readonly type: string
  readonly stream: StreamId
  readonly input: Json
  /** ISO 8601, UTC: when it was dispatched; its age counts from here. */
  readonly occurredAt: string
  readonly state: 'waiting' | 'sending' | 'answered' | 'set-aside' | 'blocked'
  readonly cause: PendingCause
  /** Pushes it was part of. */
  readonly attempts: number
  readonly lastError?: PendingError
  /** Stored and sent, not shown as done: the device could not, or was told not to, decide it. */
  readonly queued: boolean
}

/** What the last push that carried it ended with, where that was no final answer. */
export type PendingError =
  | { readonly kind: 'unreachable'; readonly message: string }
  | { readonly kind: 'unauthenticated' }
  | { readonly kind: 'unreadable'; readonly message: string }
  | { readonly kind: 'retry'; readonly reason: string }

type InvalidReason = Extract<PushAnswer, { kind: 'invalid' }>['reason']

/** State of a stream at a version, `undefined` where this device could not know it. */
export interface SeenState {
  readonly version: number
  readonly state: unknown
}

/** Why a command needs a person. `base`, `mine` and `theirs` are stored with it and survive reload. */
export type AttentionReason =
  | {
      readonly kind: 'conflict'
      /** What the author looked at. */
      readonly base: SeenState | undefined
      /** What the author's command would have made of it. */
      readonly mine: { readonly events: readonly DomainEvent[]; readonly state: unknown }
      /** What others did meanwhile; `state` is theirs without mine, where it can be told. */
      readonly theirs: { readonly events: readonly DomainEvent[]; readonly version: number; readonly state: unknown }
    }
  | { readonly kind: 'refused'; readonly code: string; readonly params: JsonObject }
  | { readonly kind: 'invalid'; readonly reason: InvalidReason; readonly issues: readonly ValidationIssue[] }
  | { readonly kind: 'forbidden' }
  /** Decided again on newer rows it does not hold any more; the server has not said so yet. */
  | { readonly kind: 'no-longer-holds'; readonly code: string; readonly params: JsonObject }

/** A command that waits for a person. */
export interface Attention {
  readonly id: string
  readonly commandId: Uuid
  readonly type: string
  readonly stream: StreamId
  /** ISO 8601, UTC: when it was set aside. */
  readonly at: string
  /** What the author entered; kept whatever happens. */
  readonly input: Json
  readonly occurredAt: string
  readonly reason: AttentionReason
  /** Later commands of the stream that wait behind it: the first hundred of them. */
  readonly blocked: readonly Uuid[]
}

export type Resolution =
  /** Decide and send it again as it is, on what is there now. */
  | { readonly kind: 'retry' }
  /** The same command with another input; it takes a new id. */
  | { readonly kind: 'edit'; readonly input: unknown }
  /** Drop it. What waits behind it goes on. */
  | { readonly kind: 'discard' }
  /** Drop it and everything that waits behind it: the stream is as the others left it. */
  | { readonly kind: 'take-theirs' }

export type ResolveResult =
  | {
      readonly kind: 'resolved'
      /** The command that is sent again, `null` where none is. */
      readonly commandId: Uuid | null
      /** Commands that were dropped by this decision. */
      readonly discarded: readonly Uuid[]
    }
  /** It does not hold on what is there now; nothing changed. */
  | { readonly kind: 'refused'; readonly code: string; readonly params: JsonObject }
  | { readonly kind: 'invalid'; readonly issues: readonly ValidationIssue[] }
  | { readonly kind: 'forbidden' }
  /** Another tab, or the server, has settled it meanwhile. */
  | { readonly kind: 'gone' }
  /** It may be on its way to the server right now; it can be decided on when the answer is there. */
  | { readonly kind: 'in-flight' }
  | NotLoaded
  | StorageFailure
