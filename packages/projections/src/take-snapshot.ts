import type { Driver } from '@tidemark/store'
import type { FoldPace } from './fold-pace.ts'
import { FIRST_PORTION, nextPortion } from './portion-size.ts'
import { beginSnapshot, finishSnapshot, takePortion, type CopyPlace } from './statements/projection-snapshots.ts'

export type SnapshotTaken =
  | { readonly kind: 'taken'; readonly id: number }
  /** The live rows are not of this code, or there are no events yet. */
  | { readonly kind: 'not-now' }
  /** A person decided about parked events meanwhile, or the version went: another time. */
  | { readonly kind: 'disturbed' }
  /** This process ends. The next one drops what there is of it. */
  | { readonly kind: 'stopped' }

/**
 * Copies the live rows of a version in a lane, portion by portion, beside the work on them. Whatever it is that ends it in
 * between, what is there is not used, and dropped by the next one.
 */
export async function takeSnapshot(input: {
  readonly sql: Driver
  readonly lane: number
  /** The live generation. */
  readonly id: number
  readonly definition: string
  readonly keep: number
  readonly pace: FoldPace
  /** Asked before each portion. */
  readonly mayGoOn: () => Promise<boolean>
}): Promise<SnapshotTaken> {
  const { sql, pace, keep } = input
  const snapshot = await beginSnapshot(sql, input)
  if (snapshot === null) return { kind: 'not-now' }
  let after: CopyPlace = { tenant: '', key: '' }
  for (let limit = FIRST_PORTION; ;) {
    if (!(await input.mayGoOn())) return { kind: 'stopped' }
    const { kind, tenant, key, copied, size } = await takePortion(sql, {
      snapshot,
      after,
      limit: Math.min(limit, pace.pieces().keys),
    })
    if (kind === 'gone') return { kind: 'disturbed' }
    if (kind === 'all') break
    after = { tenant, key }
    limit = nextPortion({ keys: copied, length: size }, pace.pieces().keys)
    await pace.breathe()
    await pace.probe()
  }
  const finished = await finishSnapshot(sql, { snapshot, keep })
  return finished === 'ready' ? { kind: 'taken', id: snapshot } : { kind: 'disturbed' }
}
