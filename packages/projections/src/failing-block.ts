import type { OpenBreaker } from './circuit-breaker.ts'

/** A projection fails on nearly every event: the lane waits for better code rather than set everything aside. */
export interface FailingBlock {
  readonly reason: 'failing'
  readonly detail: string
}

export function toFailingBlock({ cause }: OpenBreaker): FailingBlock {
  const { projection, failed, tried, error } = cause
  return {
    reason: 'failing',
    detail:
      `Projection "${projection}" failed on ${Math.round(failed)} of the last ${tried} events: ${error} That is rather its ` +
      'code than so many events, so none is set aside and the lane waits. Run code that can fold them; or open the ' +
      "engine with onMassFailure: 'park' to set them aside and go on.",
  }
}
