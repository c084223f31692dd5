import type { LogIdentity } from './statements/log-identity.ts'

/** How far a copy of a log is in a lane. */
export interface CopiedLane {
  readonly lane: number
  readonly head: number
  /** Events of the original that came after. */
  readonly behind: number
}

export type LogComparison =
  | { readonly kind: 'copy'; readonly lanes: readonly CopiedLane[] }
  /** It is no copy to try things on; `detail` says why, for people. */
  | { readonly kind: 'refused'; readonly reason: 'same-database' | 'other-log'; readonly detail: string }

/**
 * Whether a database holds a copy of a log: each of its lanes ends with an event that the original has at that very place.
 * As positions have no gaps and an event's id is given once, all before it is the same, too. Pure.
 *
 * @param at Id of the original's event at a place, `null` where it is not there to be seen.
 */
export function compareLogs(
  original: LogIdentity,
  copy: LogIdentity,
  at: (place: { readonly lane: number; readonly position: number }) => string | null,
): LogComparison {
  if (original.database === copy.database) {
    const detail = 'It is the database itself and no copy of it: name another one, so that nothing is written here.'
    return { kind: 'refused', reason: 'same-database', detail }
  }
  const heads = new Map(original.lanes.map(({ lane, head }) => [lane, head]))
  const lanes: CopiedLane[] = []
  for (const { lane, head, eventId } of copy.lanes) {
    const known = at({ lane, position: head })
    if (known !== eventId) {
      const why =
        known === null
          ? 'which is not in the log that it should be of, or is archived there since'
          : 'and another one stands there in the log that it should be of'
      const detail =
        `It is no copy of this log, or one that was written to: in lane ${lane} it ends at ${head} with event ${eventId}, ` +
        `${why}. Make a fresh copy.`
      return { kind: 'refused', reason: 'other-log', detail }
    }
    lanes.push({ lane, head, behind: (heads.get(lane) ?? head) - head })
  }
  if (lanes.length === 0 && original.lanes.length > 0) {
    return {
      kind: 'refused',
      reason: 'other-log',
      detail: 'It holds no events, and this log does: it is no copy of it.',
    }
  }
  return { kind: 'copy', lanes }
}
