import type { Uuid } from '@tidemark/core'
import type { PendingRecord } from '../records.ts'

/**
 * What the second journal holds. `at` is the database's own count of changes of pending work (`Versions.work`), which
 * orders the entries of all tabs: of two about one command the later one counts.
 */
export type JournalEntry =
  | { readonly kind: 'put'; readonly at: number; readonly command: PendingRecord }
  /** Confirmed, discarded or replaced: it must never come back. `ifHeld`: only written to a file that holds the command. */
  | { readonly kind: 'end'; readonly at: number; readonly id: Uuid; readonly ifHeld?: boolean }
  /** Everything up to here has ended: the person signed out. */
  | { readonly kind: 'clear'; readonly at: number }

/** A command of which nothing is left but its name. */
export interface LostCommand {
  readonly id: Uuid
  readonly type: string
  readonly stream: string
  /** ISO 8601, UTC. */
  readonly occurredAt: string
}

/** What the files of all tabs hold together. */
export interface JournalContents {
  /** The installation that wrote it; `null` where nothing tells. */
  readonly device: Uuid | null
  readonly live: readonly (JournalEntry & { readonly kind: 'put' })[]
  /** Ids that stand, live or lost, in the files of tabs that are gone. */
  readonly gone: readonly Uuid[]
  /** Commands whose entry is damaged and was named by its neighbour. */
  readonly lost: readonly (LostCommand & { readonly at: number })[]
  /** Damaged entries that nothing names. */
  readonly unnamed: number
  /** The highest `at` there is; 0 where there is none. */
  readonly last: number
}

/**
 * Keeps the journal of one tab, in a place of its own (a worker; memory in tests). Every call rejects where the place
 * fails; a call that was rejected may be made again.
 */
export interface JournalHost {
  /** What all tabs have left. Holds on to the files of tabs that are gone, so that they are read by one tab only. */
  open(): Promise<JournalContents>
  /** Takes the files of tabs that are gone into this tab's own. Returns the ids that its file holds then. */
  adopt(device: Uuid): Promise<readonly Uuid[]>
  /** Resolves when the disk has it. */
  append(device: Uuid, entries: readonly JournalEntry[]): Promise<void>
  /** Removes everything that all tabs have written up to `at`. */
  clear(device: Uuid, at: number): Promise<void>
  close(): void
}
