import type { ComponentType } from 'react'

export const SYNC_PEERS = ['tidemark', 'replicache', 'rxdb'] as const
export type SyncPeerName = (typeof SYNC_PEERS)[number]

/** One library on one device, connected to its server. */
export interface SyncPeer {
  /** Draws the newest items with `ItemRows`. */
  readonly List: ComponentType
  /** A person changes a note. Resolves when the library says that it is kept. */
  setNote(id: string, note: string): Promise<void>
  /** Resolves when what others do is heard of as it happens. */
  connected(): Promise<void>
}

/** `window.sync`. Times are milliseconds since 1970. */
export interface SyncPage {
  /** Resolves when the list shows as many rows as a screen does and hears of changes. */
  ready(): Promise<void>
  /** Sets the note of a row in view, counted from the top. Resolves when it is kept, with the time of the call. */
  change(row: number, note: string): Promise<{ readonly dispatched: number; readonly kept: number }>
  /** When the note was painted; waits until it is. */
  painted(note: string): Promise<number>
  /** What happened when, as far as it is traced. */
  marks(): readonly Mark[]
}

/** A moment on the way from one device to the other. */
export interface Mark {
  readonly name: MarkName
  readonly at: number
}

export type MarkName =
  | 'sent'
  | 'received'
  | 'appended'
  | 'answered'
  | 'projected'
  | 'looked'
  | 'read'
  | 'written'
  | 'arrived'
  | 'stored'

export function now(): number {
  return performance.timeOrigin + performance.now()
}

declare global {
  interface Window {
    sync: SyncPage
  }
}
