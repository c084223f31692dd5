import type { ComponentType } from 'react'
import type { Item } from './item.ts'

export const PEERS = ['tidemark', 'dexie', 'replicache', 'tanstack'] as const
export type PeerName = (typeof PEERS)[number]

/** One library behind the page that all share: a list of the newest items, and what a bench does to it. */
export interface Peer {
  /** Draws the newest items with `ItemRows`. */
  readonly List: ComponentType
  /** Items come from elsewhere. Resolves when they are stored, or where the library does not say: when it has them. */
  receive(items: readonly Item[]): Promise<void>
  /** A person adds an item. Resolves when the library says that it is kept. */
  insert(item: Item): Promise<void>
  /** A person changes a note. Resolves when the library says that it is kept. */
  setNote(id: string, note: string): Promise<void>
  /** Only where it is measured. */
  readonly extra?: PeerExtra
}

export interface PeerExtra {
  /** Makes the network come and go. */
  online?(on: boolean): void
  /** Resolves when nothing waits to be sent. */
  settled?(): Promise<void>
  /** Resolves when all that is loaded after the first paint is there. */
  complete?(): Promise<void>
  /** Writes what a drain of so many commands writes, and nothing else. */
  drainLoop?(count: number): Promise<void>
  /** Bulk put of items, twice as many records: what `receive` stores. */
  bulkPut?(items: readonly Item[]): Promise<void>
  /** Resolves when so many commands were tried, and the server asked to wait with them. */
  heldBack?(count: number): Promise<void>
  /** Items that are stored change elsewhere: their note. */
  change?(first: number, count: number, note: string): Promise<void>
}

/** `window.bench`. Times are milliseconds. */
export interface ClientPage {
  /** From the start of the navigation to the first row in the DOM; `null` where the list is still empty. */
  firstRowAt(): number | null
  /** Resolves when the list shows as many rows as it can of so many. */
  shows(count: number): Promise<void>
  /** Resolves when all that is loaded after the first paint is there. */
  complete(): Promise<void>
  receive(first: number, count: number): Promise<number>
  bulkPut(first: number, count: number): Promise<number>
  /** From the call to the row in the DOM, one after the other. */
  insertToDom(first: number, count: number): Promise<readonly number[]>
  noteToDom(count: number, note: string): Promise<readonly number[]>
  /** From the call to the answer that it is kept, one after the other. */
  insertToKept(first: number, count: number): Promise<readonly number[]>
  /** Many at once, as work that piles up. */
  insertMany(first: number, count: number): Promise<number>
  online(on: boolean): void
  /** From going online to nothing left to send; and the longest time without a frame. */
  drain(): Promise<{ readonly ms: number; readonly longestFrameMs: number }>
  drainLoop(count: number): Promise<number>
  /** Notes of items in `first … first + count` as a person sets them; not waited for one by one. */
  editMany(first: number, count: number): Promise<void>
  heldBack(count: number): Promise<void>
  change(first: number, count: number): Promise<number>
}

declare global {
  interface Window {
    bench: ClientPage
  }
}
