import type { Domain, EventStore, StoredEvent } from '@tidemark/core'
import type { AggregateLoader } from '@tidemark/store'
import { foldStored, recall, type Folded, type StreamState } from './stream-state.ts'
import type { StreamRef } from './stream-states.ts'

export interface LongStreamSource {
  readonly domain: Domain
  readonly store: Pick<EventStore, 'readStreams' | 'readStreamPage'>
  /** Loads by snapshot and tail. Without one all events are read. */
  readonly loader?: Pick<AggregateLoader, 'loadExactly'> | undefined
}

/** Events read at once: bounds the memory of a load of any length. */
const PAGE_EVENTS = 5_000
/** Newest events that are read for their authors alone. Commands decided on older ones have to look for themselves. */
const AUTHOR_EVENTS = 200

/** A stream whose first events, and their state, are known already, and are not all. */
export async function loadLongStream(
  source: LongStreamSource,
  ref: StreamRef,
  first: readonly StoredEvent[],
  start: StreamState,
): Promise<Folded> {
  const { domain, store, loader } = source
  const { tenant, stream, aggregate } = ref
  if (loader === undefined) {
    for (let folded: StreamState = start; ;) {
      // One event back: it must be the one that the state ends with.
      const [page = []] = await store.readStreams([{ tenant, stream, after: folded.version - 1, limit: PAGE_EVENTS }])
      const next = foldStored(domain, aggregate, folded, page)
      if (next.kind !== 'folded' || page.length < PAGE_EVENTS) return next
      folded = next.stream
    }
  }
  const loaded = await loader.loadExactly(tenant, stream)
  switch (loaded.kind) {
    case 'loaded': {
      const newest = { tenant, stream, direction: 'backwards', from: loaded.version, limit: AUTHOR_EVENTS } as const
      const { events } = await store.readStreamPage(newest)
      return { kind: 'folded', stream: recall(loaded, first, events.toReversed()) }
    }
    case 'unreadable':
      return { kind: 'unreadable', failure: loaded.failure }
    case 'unknown-aggregate':
      throw new Error(`${stream} is of no aggregate of the domain, although it was looked up there.`)
  }
}
