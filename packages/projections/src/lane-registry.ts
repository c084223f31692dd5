import { toProjectionSet, type ProjectionSet, type RegisteredProjection } from './registered-projection.ts'
import type { LaneVersion } from './statements/registry.ts'

/** Why a worker may not move a lane's synced checkpoint although it could read every event. */
export interface RegistryBlock {
  readonly reason: 'superseded' | 'uncovered'
  readonly detail: string
}

/** What a worker has to do in a lane. */
export interface LaneDuties {
  readonly live: ProjectionSet
  readonly block: RegistryBlock | undefined
}

/**
 * Compares what is at work in a lane with what this code can fold. Pure.
 *
 * The synced checkpoint may only be moved by code that folds every live version: with an older or newer process beside
 * it, a worker stops rather than carry the checkpoint past events that some projection never folds.
 */
export function toDuties(own: readonly RegisteredProjection[], lane: readonly LaneVersion[]): LaneDuties {
  const ownByName = new Map(own.map((member) => [member.projection.name, member.projection]))
  const live: RegisteredProjection[] = []
  let block: RegistryBlock | undefined
  for (const { id, name, version } of lane) {
    const projection = ownByName.get(name)
    // Of a version there may be several generations: any of them is folded by the same code.
    if (projection?.version === version) live.push({ id, projection })
    else if (projection !== undefined && projection.version < version) {
      block = {
        reason: 'superseded',
        detail:
          `Projection "${name}" is live in version ${version}; this process has version ${projection.version}. It is an ` +
          'older release: end it, or go back to its version with `tidemark projections rollback`.',
      }
    } else if (block === undefined) {
      block = {
        reason: 'uncovered',
        detail:
          projection === undefined
            ? `Projection "${name}" version ${version} is live, and this process does not have it. Another release is at ` +
              'work; where it is gone for good, restart this process to retire the projection.'
            : `Projection "${name}" is live in version ${version}, and version ${projection.version} of this process is ` +
              'not: it is being built, and takes over when that is done; or a person went back from it.',
      }
    }
  }
  return { live: toProjectionSet(live), block }
}
