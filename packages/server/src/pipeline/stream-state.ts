import {
  evolveState,
  initialState,
  isCarriedForward,
  readEvent,
  successorIn,
  type AnyAggregate,
  type Domain,
  type ReadFailure,
  type StoredEvent,
  type VersionedState,
} from '@tidemark/core'

/**
 * A stream as the pipeline keeps it: its state at a version, and who wrote its newest events. The authors are what
 * tells a stale command from one that only follows its author's own.
 */
export interface StreamState extends VersionedState {
  /** Id of the event at this version, `''` at 0: another one there means another history of the log. */
  readonly head: string
  /** The newest runs of events by one author, oldest first; neighbours have different authors. */
  readonly authors: readonly AuthorRun[]
  /** Who wrote the events up to this version is not known: their state came from a snapshot. */
  readonly authorsSince: number
  /** Version of the last event that was carried forward from the stream before, 0 where there was none. */
  readonly opened: number
  /** What the stream goes on as, where it was split; its closing event is nobody's in `authors`. */
  readonly successor: string | undefined
}

interface AuthorRun {
  readonly author: string
  /** Version of the run's last event. */
  readonly until: number
}

/** Longest memory of authors per stream, in runs. Two would do: of two neighbours, one is always somebody else. */
const MAX_RUNS = 16

/** Two events are by the same author only if the same person made them on the same device. */
export function authorOf(principal: string, device: string | null): string {
  return `${principal}\n${device ?? ''}`
}

export function emptyStream(aggregate: AnyAggregate): StreamState {
  return { ...initialState(aggregate), head: '', authors: [], authorsSince: 0, opened: 0, successor: undefined }
}

/** The stream after one author's events, which led to `after`; `head` is the last one's id. */
export function advance(from: StreamState, author: string, after: VersionedState, head: string): StreamState {
  return { ...from, ...after, head, authors: withAuthor(from.authors, author, after.version), successor: undefined }
}

function withAuthor(before: readonly AuthorRun[], author: string, until: number): readonly AuthorRun[] {
  const authors = [...before]
  if (authors.at(-1)?.author === author) authors.pop()
  authors.push({ author, until })
  if (authors.length > MAX_RUNS) authors.shift()
  return authors
}

export type Folded =
  | { readonly kind: 'folded'; readonly stream: StreamState }
  /** This code cannot read the stream: it is too old, or an upcaster or `evolve` is broken. */
  | {
      readonly kind: 'unreadable'
      readonly failure: ReadFailure | { readonly kind: 'evolve-failed'; readonly type: string }
    }
  /** The events do not continue the stream: what was cached is of another history. */
  | { readonly kind: 'gap' }

/**
 * Folds stored events over the stream. They must start with the event at the stream's own version, where it has one:
 * that is how it is known to be of the same history.
 */
export function foldStored(
  domain: Domain,
  aggregate: AnyAggregate,
  from: StreamState,
  events: readonly StoredEvent[],
): Folded {
  let stream = from
  const [first] = events
  if (from.version > 0 && (first?.version !== from.version || first.id !== from.head)) return { kind: 'gap' }
  for (const stored of events) {
    if (stored.version <= stream.version) continue
    if (stored.version !== stream.version + 1) return { kind: 'gap' }
    const read = readEvent(domain, stored)
    if (read.kind !== 'event') return { kind: 'unreadable', failure: read }
    try {
      const after = evolveState(aggregate, stream, read.event)
      stream = follow(stream, stored, after)
    } catch {
      return { kind: 'unreadable', failure: { kind: 'evolve-failed', type: stored.type } }
    }
  }
  return { kind: 'folded', stream }
}

function follow(from: StreamState, stored: StoredEvent, after: VersionedState): StreamState {
  const successor = successorIn(stored)
  // That a stream was split is no change that anybody could be too late for.
  if (successor !== undefined) return { ...from, ...after, head: stored.id, successor }
  const next = advance(from, authorOf(stored.principal, stored.device), after, stored.id)
  const isOpening = from.opened === from.version && isCarriedForward(stored)
  return isOpening ? { ...next, opened: stored.version } : next
}

/** Whether there are events of others; where that is not remembered, the log has to be asked. */
export type Foreign = 'some' | 'none' | 'unknown'

/** Whether anybody else wrote to the stream after `version`. */
export function foreignAfter(stream: StreamState, version: number, author: string): Foreign {
  if (stream.authors.some((run) => run.until > version && run.author !== author)) return 'some'
  return version < stream.authorsSince ? 'unknown' : 'none'
}

/** What the first events of a stream and its newest ones tell beside a state that came from a snapshot. */
export function recall(
  loaded: VersionedState & { readonly eventId: string; readonly successor: string | undefined },
  first: readonly StoredEvent[],
  newest: readonly StoredEvent[],
): StreamState {
  const { version, state, eventId, successor } = loaded
  const known = { version, state, head: eventId, successor }
  const authorsSince = (newest[0]?.version ?? version + 1) - 1
  const authors = newest
    .filter((stored) => successorIn(stored) === undefined)
    .reduce<readonly AuthorRun[]>(
      (runs, stored) => withAuthor(runs, authorOf(stored.principal, stored.device), stored.version),
      [],
    )
  return { ...known, authors, authorsSince, opened: openedBy(first) }
}

function openedBy(first: readonly StoredEvent[]): number {
  const end = first.findIndex((stored) => !isCarriedForward(stored))
  return end === -1 ? first.length : end
}
