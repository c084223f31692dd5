import type { StoredEvent } from '@tidemark/core'
import { foldBatch, type StoredState } from './fold-batch.ts'
import type { Touch } from './interpret-events.ts'
import type { ProjectionSet } from './registered-projection.ts'
import type { RunGuarded } from './run-guarded.ts'

/**
 * The touches of an event that is to be set aside. Where only some projections cannot take it, the others fold it: each
 * is asked alone. Where all can, it is what they lead to that cannot be written, and all set it aside.
 */
export function condemnTouches(
  touches: readonly Touch[],
  stored: StoredState,
  message: string,
  runGuarded: RunGuarded,
): readonly Touch[] {
  const parked = touches.map((touch): Touch => {
    const alone = runGuarded(() => foldBatch([touch], stored))
    return alone.kind === 'done' ? touch : withError(touch, alone.message)
  })
  return parked.some((touch, index) => touch !== touches[index])
    ? parked
    : touches.map((touch) => withError(touch, message))
}

/** Those of an event that cannot even be read to the end, or whose key cannot be used: it is parked by its stream. */
export function condemnByStream(set: ProjectionSet, stored: StoredEvent, message: string): readonly Touch[] {
  return (set.byEventType.get(stored.type) ?? []).map((projection) => ({
    projection,
    stored,
    key: undefined,
    folding: { kind: 'park', error: { reason: 'failed', message } },
  }))
}

function withError(touch: Touch, message: string): Touch {
  return { ...touch, folding: { kind: 'park', error: { reason: 'failed', message } } }
}
