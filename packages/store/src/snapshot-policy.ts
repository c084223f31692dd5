/** When a load is worth a snapshot. Pure. */

/**
 * Each rule alone is enough; `false` turns it off. All of them look at what a load had to fold beyond the snapshot it
 * started from, so a stream that does not grow is never stored twice.
 */
export interface SnapshotPolicy {
  /** So many events since the snapshot. Default 200. */
  readonly everyEvents: number | false
  /** Loaded so often since the snapshot, each time folding at least so many events. Default 20 loads, 20 events. */
  readonly often: { readonly loads: number; readonly events: number } | false
  /** The snapshot is so old, in milliseconds, and there are newer events. Default one day. */
  readonly staleMs: number | false
}

export const SNAPSHOT_POLICY: SnapshotPolicy = {
  everyEvents: 200,
  often: { loads: 20, events: 20 },
  staleMs: 86_400_000,
}

export interface LoadFacts {
  /** Events folded beyond the snapshot, or from the start where there is none. */
  readonly folded: number
  /** Loads of this stream since its last snapshot, as far as this process knows, this one included. */
  readonly loads: number
  /** `undefined` without a snapshot. */
  readonly snapshotAgeMs: number | undefined
  /** The snapshot's state came out of a migration: storing it again saves the next one. */
  readonly migrated: boolean
}

export type SnapshotReason = 'every' | 'often' | 'stale' | 'migrated'

/** Why a snapshot should be taken now, `undefined` where it should not. */
export function snapshotReason(policy: SnapshotPolicy, facts: LoadFacts): SnapshotReason | undefined {
  const { folded, loads, snapshotAgeMs } = facts
  if (facts.migrated) return 'migrated'
  if (folded === 0) return undefined
  if (policy.everyEvents !== false && folded >= policy.everyEvents) return 'every'
  if (policy.often !== false && folded >= policy.often.events && loads >= policy.often.loads) return 'often'
  if (policy.staleMs !== false && snapshotAgeMs !== undefined && snapshotAgeMs >= policy.staleMs) return 'stale'
  return undefined
}
