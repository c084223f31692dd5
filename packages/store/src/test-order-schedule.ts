/**
 * The schedules of the order test: what writers do, what else is open meanwhile, and who is killed when. Pure, and drawn from a
 * seed, so that a schedule can be run again (how its steps interleave is Postgres' and the machine's doing).
 */
import * as fc from 'fast-check'

export interface OrderStep {
  /** Wait before it. */
  readonly pauseMs: number
  /** `own`: a stream that nobody else writes to, at its exact version; `stale`: the same at a version it cannot have. */
  readonly to: 'own' | 'stale' | 'shared'
  readonly events: number
  /** With a command id it is asked again on the other node once it was stored, and must find its first result. */
  readonly command: 'none' | 'once' | 'resent'
}

/** One that writes in a transaction of its own and takes its time before it ends it, the lane's lock held all the while. */
export interface OrderTransaction {
  readonly pauseMs: number
  readonly holdMs: number
  readonly ends: 'commit' | 'abort'
}

export interface OrderFault {
  readonly pauseMs: number
  readonly kill: 'appends' | 'transactions' | 'reads' | 'listeners'
}

export interface OrderSchedule {
  readonly seed: number
  /** Open from before the first append until the readers are done. */
  readonly beside: readonly ('writer in another database' | 'dump')[]
  readonly writers: readonly (readonly OrderStep[])[]
  readonly transactions: readonly OrderTransaction[]
  readonly faults: readonly OrderFault[]
}

// Mostly none: what is written back to back is what shares calls.
const pauseMs = fc.oneof(
  { weight: 2, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 8 }) },
)

const step: fc.Arbitrary<OrderStep> = fc.record({
  pauseMs,
  to: fc.constantFrom('own', 'own', 'shared', 'shared', 'stale'),
  events: fc.constantFrom(1, 1, 1, 2, 3),
  command: fc.constantFrom('none', 'once', 'once', 'resent'),
})

const schedule = fc.record({
  beside: fc.subarray<OrderSchedule['beside'][number]>(['writer in another database', 'dump']),
  writers: fc.array(fc.array(step, { minLength: 1, maxLength: 6 }), { minLength: 2, maxLength: 8 }),
  transactions: fc.array(
    fc.record({ pauseMs, holdMs: fc.integer({ min: 0, max: 12 }), ends: fc.constantFrom('commit', 'abort', 'abort') }),
    { maxLength: 3 },
  ),
  faults: fc.array(
    fc.record({ pauseMs, kill: fc.constantFrom('appends', 'appends', 'transactions', 'reads', 'listeners') }),
    { maxLength: 2 },
  ),
})

export function drawSchedule(seed: number): OrderSchedule {
  const [drawn] = fc.sample(schedule, { seed, numRuns: 1 })
  if (drawn === undefined) throw new Error('No schedule was drawn.')
  return { seed, ...drawn }
}
