/**
 * Where snapshots are kept. A small port, so that tests and other stores can bring their own; {@link createSnapshots}
 * is the one on Postgres.
 */
import { toStoredJson, type Json, type JsonIssue } from '@tidemark/core'
import type { Driver } from './driver.ts'
import { discardSnapshot } from './statements/discard-snapshot.ts'
import { readSnapshot } from './statements/read-snapshot.ts'
import { saveSnapshot } from './statements/save-snapshot.ts'

/** The state of a stream at a version, as some version of the code folded it. */
export interface Snapshot {
  readonly tenant: string
  readonly stream: string
  /** The stream's version after the last event in it; at least 1. */
  readonly version: number
  /** Id of the event at that version. Another one there means another history of the log. */
  readonly eventId: string
  /** `version` of the aggregate's declaration that folded it. */
  readonly schema: number
  readonly state: Json
  /** ISO 8601, UTC. */
  readonly takenAt: string
}

export interface NewSnapshot extends Omit<Snapshot, 'state' | 'takenAt'> {
  /** Plain JSON, or it is refused. */
  readonly state: unknown
}

export type SaveAnswer =
  | { readonly kind: 'saved' }
  /** A better one is stored: by newer code, or at a later version. */
  | { readonly kind: 'superseded' }
  /** The state is not plain JSON, or larger than {@link MAX_STATE_LENGTH}. */
  | { readonly kind: 'not-storable'; readonly issue: JsonIssue }

export interface Snapshots {
  read(tenant: string, stream: string): Promise<Snapshot | undefined>
  /** Keeps one snapshot per stream: of the newest declaration, then of the highest version. */
  save(snapshot: NewSnapshot): Promise<SaveAnswer>
  /** Removes this very snapshot; one that took its place stays. */
  discard(snapshot: Snapshot): Promise<void>
}

/** Longest state as JSON text. Beyond it, replaying is what is left: split the stream, or keep less in the state. */
export const MAX_STATE_LENGTH = 4_194_304

/** Snapshots in the table of the store whose driver this is. */
export function createSnapshots(sql: Driver): Snapshots {
  return {
    read: (tenant, stream) => readSnapshot(sql, { tenant, stream }),
    async save(snapshot) {
      const encoded = toStoredJson(snapshot.state, { maxLength: MAX_STATE_LENGTH })
      if (!encoded.ok) return { kind: 'not-storable', issue: encoded.issue }
      const saved = await saveSnapshot(sql, { snapshot, text: encoded.text })
      return { kind: saved ? 'saved' : 'superseded' }
    },
    discard: ({ tenant, stream, version, eventId }) => discardSnapshot(sql, { tenant, stream, version, eventId }),
  }
}
