import type { AnyProjection } from '@tidemark/core'

/** A projection of the domain with the id its version has in the catalogue. */
export interface RegisteredProjection {
  readonly id: number
  readonly projection: AnyProjection
}

/** The projections that one consumer moves together, by what they fold. */
export interface ProjectionSet {
  readonly members: readonly RegisteredProjection[]
  /** Their ids, ascending: what a commit says it covers. */
  readonly ids: readonly number[]
  readonly byEventType: ReadonlyMap<string, readonly RegisteredProjection[]>
  /** Names of the aggregates they are declared over. */
  readonly aggregates: ReadonlySet<string>
}

export function toProjectionSet(members: readonly RegisteredProjection[]): ProjectionSet {
  const byEventType = new Map<string, RegisteredProjection[]>()
  const aggregates = new Set<string>()
  for (const member of members) {
    for (const source of member.projection.aggregates) aggregates.add(source.name)
    for (const type of member.projection.types) {
      const folding = byEventType.get(type)
      if (folding === undefined) byEventType.set(type, [member])
      else folding.push(member)
    }
  }
  const ids = members.map((member) => member.id).sort((a, b) => a - b)
  return { members, ids, byEventType, aggregates }
}
