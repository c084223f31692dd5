import type {
  CommandBase,
  DomainEvent,
  Json,
  JsonObject,
  StoredCommand,
  StreamId,
  Uuid,
  VersionedState,
  WireRemoval,
  WireRow,
} from '@tidemark/core'
import type { AttentionReason } from './work.ts'
import type { IndexKey } from './index-keys.ts'

/** What is stored on the device. Additive only: an older tab may still be reading it. */

/** A row as the server projected it. */
export interface RowRecord {
  readonly projection: string
  readonly key: string
  readonly scope: string
  readonly row: Json
  readonly stale: boolean
  readonly ix: readonly IndexKey[]
}

/** A page of a pull that has not reached its cut, as it came: one record, which costs a fraction of one per row. */
export interface StagedRecord {
  readonly projection: typeof STAGED_PAGE
  /** Sorts as the pages came. */
  readonly key: string
  readonly rows: readonly WireRow[]
  readonly removals: readonly WireRemoval[]
}
/** The table's key is a row's; no projection has this name. */
export const STAGED_PAGE = ''

/** What this device makes of a pending command at present. */
export type Prediction =
  | { readonly kind: 'events'; readonly events: readonly DomainEvent[] }
  /** Sent, not shown as done. */
  | { readonly kind: 'queued' }
  /** Decided again on newer state it does not hold; the server decides. */
  | { readonly kind: 'no-longer-holds'; readonly code: string; readonly params: JsonObject }

export interface PendingRecord extends StoredCommand {
  /** Order on this device: the order of the transactions that stored them. */
  readonly seq: number
  /** ISO 8601, UTC. */
  readonly occurredAt: string
  readonly base: CommandBase
  readonly prediction: Prediction
  /** What the author was shown when it was dispatched; kept when `prediction` moves on. */
  readonly believed: readonly DomainEvent[]
  /** What the author looked at and what came of it, kept where the command's policy may call for a person. */
  readonly seen: { readonly base: VersionedState; readonly after: VersionedState } | null
  /** The server's answer, where it waits for the page that shows it. */
  readonly answer: 'accepted' | 'refused' | null
  /** When that answer came, milliseconds since 1970. */
  readonly answeredAt?: number
  /** Set aside under this entry of `attention`. */
  readonly attention: string | null
  readonly attempts: number
  /** Derived, for the indexes (`derived.ts`): rows of other keys than its stream's that it is shown in, `[projection, key]`. */
  readonly touches?: readonly (readonly [projection: string, key: string])[]
  /** Likewise: its place in the order, where it does not hold any more and is not set aside. */
  readonly doubt?: number
  /** Likewise, where it is answered: since when it waits for the page that shows it, milliseconds since 1970; -1 where it waits for a person. */
  readonly waits?: number
}

/**
 * A row that pending commands touch, as they leave it. Derived from the confirmed row and those commands, and kept up by
 * every transaction that changes either (`refold.ts`).
 */
export interface OverlayRecord {
  readonly projection: string
  readonly key: string
  /** Absent: with the pending changes there is no such row. */
  readonly row?: Json
  /** Commands that touch it, those that change nothing in it at present included. */
  readonly commands: number
  /** Commands that are folded into it. */
  readonly pending: number
  /** `seq` of the last of them. */
  readonly last: number
  readonly attention: boolean
  /** The server knows that the confirmed row is behind, or a projection could not fold a pending event. */
  readonly stale: boolean
  /** On the state of a stream: what the next command on it has to know of those before it. */
  readonly tail?: StreamTail
  readonly ix: readonly IndexKey[]
}

export interface StreamTail {
  /** The last pending command that is not set aside. */
  readonly last: Uuid | null
  /** The first of them was decided on a stream that was new. */
  readonly isNew: boolean
}

export interface AttentionRecord {
  readonly id: string
  readonly commandId: Uuid
  readonly stream: StreamId
  readonly at: string
  readonly reason: AttentionReason
}

/** A command whose outcome has arrived, kept so that it can be offered again to a server that lost it. */
export interface AcknowledgedRecord {
  readonly id: Uuid
  /** Milliseconds since 1970. */
  readonly at: number
  /** Stream version after it. */
  readonly version: number
  readonly command: StoredCommand & { readonly occurredAt: string; readonly base: CommandBase }
}

export interface FeedRecord {
  readonly name: 'feed'
  /** The last consistent cut. */
  readonly cursor: string | null
  /** Inside a pull that has not reached its cut: where it goes on. */
  readonly staging: string | null
  /** The pull under way replaces all rows. */
  readonly reset: boolean
  /** ... and the server may have lost what it had accepted: it is offered again at the cut. */
  readonly restored?: boolean
}

/**
 * Small facts by name. `rows` and `work` count the changes of rows and of pending work: how tabs notice each other.
 * `leader-term` counts the terms of leading tabs: how a deposed one is kept from writing. `device` names the
 * installation, also when its database had to be made anew, and `generation` the database. `recovery` is the report
 * that nobody has dismissed yet, as JSON. `restored-at` is when the server was last seen to have lost events. `overlay`
 * names the code that the overlay was folded by. `pending-bytes` is the sum of what pending commands are counted as.
 */
export interface MetaRecord {
  readonly name:
    | 'device'
    | 'generation'
    | 'schema-epoch'
    | 'indexes'
    | 'overlay'
    | 'next-seq'
    | 'pending-bytes'
    | 'rows'
    | 'work'
    | 'last-contact'
    | 'leader-term'
    | 'recovery'
    | 'restored-at'
  readonly value: string | number
}
