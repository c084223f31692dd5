import type { BuildPurpose } from './next-build-step.ts'

/** What a build begins from. */
export type BuildOrigin =
  /** The first event. */
  | { readonly kind: 'log' }
  /** The rows of a snapshot, and the events after its position. */
  | { readonly kind: 'snapshot'; readonly id: number }
  /** The rows of the former version, each mapped by the new one's `upgrade`, and the events after their position. */
  | { readonly kind: 'former'; readonly id: number }

export interface SnapshotFacts {
  readonly id: number
  readonly position: number
  /** Fingerprint of the code that folded it. */
  readonly definition: string
  /** It is of the log's history as it is now. */
  readonly sameEpoch: boolean
  /** An event that it holds was skipped or edited after it was taken. */
  readonly outdated: boolean
}

export interface FormerFacts {
  readonly id: number
  /** Up to where its rows are folded. */
  readonly position: number
  /** Events, keys and scopes are those of the new version; `undefined` where that is not known. */
  readonly samePlacement: boolean | undefined
  /** An event that its rows hold was skipped or edited after they were left. */
  readonly outdated: boolean
}

/** What is there to begin a build from, read at one instant. */
export interface OriginFacts {
  readonly purpose: BuildPurpose
  /** A person, or a comparison with the log, wants all of the log. */
  readonly fromStart: boolean
  /** The synced checkpoint. */
  readonly synced: number
  /** Those of this very version in the lane that are whole. */
  readonly snapshots: readonly SnapshotFacts[]
  /** Fingerprint of the code that is to fold it. */
  readonly definition: string
  /** The version that this one upgrades, where it says so and its rows are there. */
  readonly former: FormerFacts | undefined
  /** Why the former rows could not be mapped when that was tried. */
  readonly refused: string | undefined
}

/** `note`: why rows that were there are not begun from; for people. */
export interface OriginChoice {
  readonly origin: BuildOrigin
  readonly note: string | undefined
}

/**
 * Chooses what a build begins from: of all that gives the rows of a replay the one with the fewest events after it. Pure.
 */
export function chooseOrigin(facts: OriginFacts): OriginChoice {
  const log: BuildOrigin = { kind: 'log' }
  if (facts.fromStart) return { origin: log, note: undefined }
  const usable = facts.snapshots.filter(
    ({ position, definition, sameEpoch, outdated }) =>
      definition === facts.definition && sameEpoch && !outdated && position <= facts.synced,
  )
  const [snapshot] = usable.toSorted((one, other) => other.position - one.position || other.id - one.id)
  // Rows of the same version are built anew from events, or from a snapshot of that version.
  const upgraded = facts.purpose === 'release' ? facts.former : undefined
  const note = upgraded && problemOf(upgraded, facts.refused)
  const former = note === undefined ? upgraded : undefined
  if (former !== undefined && former.position > (snapshot?.position ?? 0)) {
    return { origin: { kind: 'former', id: former.id }, note: undefined }
  }
  if (snapshot !== undefined) return { origin: { kind: 'snapshot', id: snapshot.id }, note }
  return { origin: log, note }
}

function problemOf(former: FormerFacts, refused: string | undefined): string | undefined {
  if (refused !== undefined) return refused
  if (former.samePlacement === undefined) {
    return 'It is not known which events, keys and scopes the version that it upgrades has.'
  }
  if (!former.samePlacement) {
    return 'The version that it upgrades has other events, another key or another scope: rows cannot be taken over.'
  }
  if (former.outdated) return 'Events were skipped or edited since the rows of the version that it upgrades were left.'
  return undefined
}
