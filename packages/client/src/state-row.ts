import { STATE_PREFIX, type AnyAggregate, type AnyProjection, type Domain } from '@tidemark/core'

/** The built-in projection that carries an aggregate's states. */
export function stateRow(domain: Domain, aggregate: AnyAggregate): AnyProjection {
  const found = domain.projectionsByName.get(`${STATE_PREFIX}${aggregate.name}`)
  if (found === undefined)
    throw new TypeError(`Aggregate "${aggregate.name}" is not part of the domain "${domain.name}".`)
  return found
}
