import type { BuildPart } from './build-part.ts'

/** Where a build's checkpoints are. */
export type BuildPlace =
  | { readonly kind: 'nowhere' }
  | { readonly kind: 'whole'; readonly at: number }
  | { readonly kind: 'parts'; readonly parts: readonly (BuildPart & { readonly at: number })[] }

export type BuildPurpose = 'release' | 'rebuild' | 'rollback' | 'trial'

/** What is known of a build in a lane, read at one instant. */
export interface BuildFacts {
  readonly purpose: BuildPurpose
  readonly running: boolean
  readonly place: BuildPlace
  /** Where the parts end. */
  readonly goal: number
  /** Up to here it is folded whole. */
  readonly wholeUntil: number
  /** -1: not compared yet. */
  readonly compared: number
  /** Position of the newest control event at which it is to go live, 0 where there is none. */
  readonly announced: number
  /** The synced checkpoint. */
  readonly synced: number
  /** A trial that the lane has judged. */
  readonly judged: boolean
  /** Another generation of this very version is live. */
  readonly sameVersionLive: boolean
}

export type BuildStepKind =
  /** Nothing to do now. */
  | 'rest'
  /** Take away what an earlier life left, and begin. */
  | 'begin'
  /** Fold by key ranges from here. */
  | 'split'
  | 'fold-parts'
  | 'merge'
  /** Fold the next batch whole. */
  | 'fold'
  /** It is close behind the live rows: note what is different. */
  | 'compare'
  /** Append the control event at which it goes live. */
  | 'announce'
  /** Go live now: no rows of this version are. */
  | 'switch'
  /** Tell what was found, and leave nothing behind. */
  | 'judge'

/** Fewer events than this are folded as live ones are. */
export const PARTS_FROM = 2_000
/** So close to the live rows, the lane itself can bring it up. Writers would keep a build from ever being quite there. */
export const NEAR = 1_000

/** What a build needs next. Pure. */
export function nextBuildStep(build: BuildFacts): BuildStepKind {
  const { place, synced } = build
  if (!build.running) return 'rest'
  if (build.judged) return 'judge'
  if (place.kind === 'nowhere') return 'begin'
  if (place.kind === 'parts') {
    const lowest = Math.min(...place.parts.map((part) => part.at))
    const together = place.parts.every((part) => part.at === lowest)
    return together && (lowest >= build.goal || lowest < build.wholeUntil) ? 'merge' : 'fold-parts'
  }
  const behind = synced - place.at
  if (behind >= PARTS_FROM && place.at >= build.wholeUntil) return 'split'
  if (behind > NEAR) return 'fold'
  // Of a version that is not live, the old release may be the one at work in the lane: it cannot bring it up.
  if (!build.sameVersionLive) return behind > 0 ? 'fold' : 'switch'
  if (build.compared < 0) return 'compare'
  if (build.announced <= synced) return 'announce'
  // Until the lane has come to the event, it is the lane's turn.
  return behind > 0 ? 'fold' : 'rest'
}
