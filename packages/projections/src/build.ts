import { CLOSED, judge, wake, type Breaker } from './circuit-breaker.ts'
import { toFailingBlock, type FailingBlock } from './failing-block.ts'
import type { Block } from './interpret-events.ts'
import { toProjectionSet, type RegisteredProjection } from './registered-projection.ts'
import { runBatch, type BatchContext } from './run-batch.ts'
import { readCheckpoint, SYNCED } from './statements/checkpoint.ts'
import { beginBuild, switchLive } from './statements/registry.ts'
import { clear, isHopeless, suspect, type Suspicion } from './suspicion.ts'

export type BuildStep =
  | { readonly kind: 'more' }
  /** An event that newer code may be able to read stands in the way, or the projection fails on nearly all of them. */
  | { readonly kind: 'blocked'; readonly block: Block | FailingBlock }
  /** It is live; or somebody else finished or took it. What the lane's versions are must be asked again. */
  | { readonly kind: 'live' | 'gone' }

const MORE: BuildStep = { kind: 'more' }

export interface Build {
  readonly consumer: string
  readonly id: number
  /** `fence`: of the consumer's lease. */
  step(limit: number, fence: number): Promise<BuildStep>
}

/**
 * Folds the rows of a version that came when the lane was already under way, from the lane's first event, under a
 * checkpoint of its own, until it stands where the synced checkpoint stands; then it goes live in the same instant.
 *
 * Its rows are those that would be there had it been live from the start, their `changed` included: a client that held
 * the version before needs only what changed since, and one that did not pulls everything.
 */
export function createBuild(
  context: BatchContext & { readonly lane: number; readonly clock: () => number },
  member: RegisteredProjection,
): Build {
  const { sql, lane } = context
  const consumer = `build:${member.id}`
  const set = toProjectionSet([member])
  // `undefined`: not known, or no longer trusted, and read again.
  let position: number | undefined
  let suspicion: Suspicion | undefined
  let breaker: Breaker = CLOSED

  return {
    consumer,
    id: member.id,
    step: async (limit, fence) => {
      position ??= (await beginBuild(sql, { lane, projection: member.id })) ?? undefined
      if (position === undefined) return MORE
      const goal = await readCheckpoint(sql, { consumer: SYNCED, lane })
      if (goal === undefined || position >= goal.position) {
        const answer = await switchLive(sql, { lane, projection: member.id })
        return answer === 'behind' ? MORE : { kind: answer }
      }
      // Never past the goal: positions have no gaps, so the distance is a number of events.
      const events = Math.min(limit, suspicion?.limit ?? limit, goal.position - position)
      breaker = wake(breaker, context.clock())
      if (breaker.kind === 'open') return { kind: 'blocked', block: toFailingBlock(breaker) }
      const condemned = suspicion?.condemned?.position === position + 1 ? suspicion.condemned : undefined
      const result = await runBatch(context, {
        consumer,
        lane,
        from: position,
        limit: events,
        fence,
        set,
        condemned,
        // Live, a projection may fail on as much as the owner allows; one that is not even live has nothing to lose.
        judge: (tallies) => judge(breaker, tallies, context.clock()),
      })
      switch (result.kind) {
        case 'committed':
          position = result.to
          breaker = result.breaker
          suspicion &&= clear(suspicion, position)
          return MORE
        case 'blocked':
          return result
        case 'registry':
          return { kind: 'gone' }
        case 'failed':
          // As the live one does: what it has set aside must not stop the build.
          suspicion = suspect(suspicion, result)
          if (isHopeless(suspicion)) throw new Error(result.message)
          return MORE
        case 'refused':
          breaker = result.breaker
          return { kind: 'blocked', block: toFailingBlock(result.breaker) }
        case 'empty':
        case 'stale':
        case 'fenced':
          position = undefined
          return MORE
      }
    },
  }
}
