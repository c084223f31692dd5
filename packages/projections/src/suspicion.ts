/**
 * Finds the event that a whole batch cannot get over: smaller and smaller batches from the same place until it is alone,
 * then, when it has failed alone often enough, it is condemned: set aside, so that the lane goes on. Pure.
 *
 * For failures that an event may be the cause of: a handler that does not end, a row that the database refuses. A lost
 * connection is nobody's fault and is not counted.
 */
export interface Suspicion {
  /** It is among the events up to this position. */
  readonly until: number
  /** Take no more than so many events at a time. */
  readonly limit: number
  /** Failures of the next event alone. */
  readonly alone: number
  readonly condemned: Condemned | undefined
}

export interface Condemned {
  readonly position: number
  readonly message: string
  /** Setting it aside under its row's key has failed too: only its stream is left. */
  readonly byStream: boolean
}

/** One failure alone may be bad luck. */
const ALONE_LIMIT = 3

export function suspect(
  before: Suspicion | undefined,
  failed: { readonly events: number; readonly until: number; readonly message: string },
): Suspicion {
  const { events, message } = failed
  // A batch that failed inside of one that did narrows down; its end is not the end of the search.
  const until = Math.max(before?.until ?? 0, failed.until)
  if (events > 1) return { until, limit: fewer(events), alone: 0, condemned: undefined }
  const alone = (before?.alone ?? 0) + 1
  const condemned: Condemned | undefined =
    alone < ALONE_LIMIT
      ? undefined
      : { position: failed.until, message: before?.condemned?.message ?? message, byStream: alone > ALONE_LIMIT }
  return { until, limit: 1, alone, condemned }
}

/** The square root: a handler that hangs costs its whole time limit with every step. */
function fewer(events: number): number {
  return Math.min(events - 1, Math.ceil(Math.sqrt(events)))
}

/** After a batch that was written. */
export function clear(before: Suspicion, to: number): Suspicion | undefined {
  if (to >= before.until) return undefined
  // The one that stood alone is past; others may follow, as likely in the rest as anywhere.
  return before.alone === 0 ? before : { ...before, limit: before.limit * 2, alone: 0, condemned: undefined }
}

/** Not even setting it aside works: more than an event is wrong. */
export function isHopeless({ alone }: Suspicion): boolean {
  return alone > ALONE_LIMIT + 1
}
