import { buildConsumer } from './build-part.ts'
import { CLOSED, judge, wake, type Breaker } from './circuit-breaker.ts'
import { toFailingBlock, type FailingBlock } from './failing-block.ts'
import type { Block } from './interpret-events.ts'
import { toProjectionSet, type RegisteredProjection } from './registered-projection.ts'
import { runBatch, type BatchContext } from './run-batch.ts'
import { readCheckpoint } from './statements/checkpoint.ts'
import { clear, isHopeless, suspect, type Suspicion } from './suspicion.ts'

export type WholeStep =
  | { readonly kind: 'more' }
  /** It stands at the goal. */
  | { readonly kind: 'there' }
  /** An event that newer code may be able to read stands in the way, or the projection fails on nearly all of them. */
  | { readonly kind: 'blocked'; readonly block: Block | FailingBlock }
  /** It is not being built any more, or is not whole. */
  | { readonly kind: 'gone' }

const MORE: WholeStep = { kind: 'more' }

export interface WholeFold {
  /** One batch, up to `goal` at most. `fence`: of the consumer's lease. */
  step(limit: number, goal: number, fence: number): Promise<WholeStep>
}

/**
 * Folds a build as live rows are folded: batch by batch under a checkpoint of its own, whatever stands in the way. Its rows
 * are those that would be there had it been live from the start, their `changed` included.
 */
export function createWholeFold(
  context: BatchContext & { readonly lane: number; readonly clock: () => number },
  member: RegisteredProjection,
): WholeFold {
  const { sql, lane } = context
  const consumer = buildConsumer(member.id)
  const set = toProjectionSet([member])
  // `undefined`: not known, or no longer trusted, and read again.
  let position: number | undefined
  let suspicion: Suspicion | undefined
  let breaker: Breaker = CLOSED

  return {
    step: async (limit, goal, fence) => {
      position ??= (await readCheckpoint(sql, { consumer, lane }))?.position
      if (position === undefined) return { kind: 'gone' }
      if (position >= goal) return { kind: 'there' }
      // Never past the goal: positions have no gaps, so the distance is a number of events.
      const events = Math.min(limit, suspicion?.limit ?? limit, goal - position)
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
