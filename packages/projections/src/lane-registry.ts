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
  readonly building: readonly RegisteredProjection[]
  readonly block: RegistryBlock | undefined
}

/**
 * Compares what is at work in a lane with what this code can fold. Pure.
 *
 * The synced checkpoint may only be moved by code that folds every live version: with an older or newer process beside
 * it, a worker stops rather than carry the checkpoint past events that some projection never folds.
 */
export function toDuties(own: readonly RegisteredProjection[], lane: readonly LaneVersion[]): LaneDuties {
  const ownById = new Map(own.map((member) => [member.id, member]))
  const ownByName = new Map(own.map((member) => [member.projection.name, member]))
  const live: RegisteredProjection[] = []
  const building: RegisteredProjection[] = []
  let block: RegistryBlock | undefined
  for (const version of lane) {
    const mine = ownById.get(version.id)
    if (mine !== undefined) {
      if (version.state === 'live') live.push(mine)
      else building.push(mine)
      continue
    }
    const namesake = ownByName.get(version.name)
    if (namesake !== undefined && namesake.projection.version < version.version) {
      block = {
        reason: 'superseded',
        detail:
          `Projection "${version.name}" is at work in version ${version.version}; this process has version ` +
          `${namesake.projection.version}. It is an older release: end it, or raise the version to go back for good.`,
      }
    } else if (version.state === 'live' && block === undefined) {
      block = {
        reason: 'uncovered',
        detail:
          `Projection "${version.name}" version ${version.version} is live, and this process does not have it. Another ` +
          'release is at work; where it is gone for good, restart this process to retire the projection.',
      }
    }
  }
  return { live: toProjectionSet(live), building, block }
}
