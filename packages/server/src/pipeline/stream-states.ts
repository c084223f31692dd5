import type { AnyAggregate, Domain, EventStore, StoredEvent } from '@tidemark/core'
import { LRUCache } from 'lru-cache'
import { loadLongStream, type LongStreamSource } from './load-long-stream.ts'
import { emptyStream, foldStored, type Folded, type StreamState } from './stream-state.ts'

export interface StreamRef {
  readonly tenant: string
  readonly stream: string
  readonly aggregate: AnyAggregate
}

export type Loaded = Exclude<Folded, { kind: 'gap' }>

/**
 * The states of recently used streams. A cached state was a stream's whole once, and is never the promise of its end:
 * an append checks version and last event, and whatever else is said of the stream is said after {@link StreamStates.load}.
 */
export interface StreamStates {
  /**
   * Loads, in one query, the streams that are not cached, and those that others have lately been writing to. The others
   * may well be at their ends, and what is appended to them tells.
   *
   * @returns those that were read now.
   */
  prepare(refs: readonly StreamRef[]): Promise<ReadonlySet<string>>
  /** Reads the stream up to its end: the whole of it, or what came since it was cached. */
  load(ref: StreamRef): Promise<Loaded>
  /** What is known of the stream without asking. */
  peek(ref: StreamRef): StreamState | undefined
  /** Takes over a state that an own append led to. */
  advanceTo(ref: StreamRef, stream: StreamState): void
  /** What is cached of the stream was found to be behind: for some time it is better read first. */
  foundBehind(ref: StreamRef): void
}

/** Loads without news after which a stream that others wrote to is trusted again to be at its cached end. */
const LOADS_TO_TRUST = 8

interface Cached {
  readonly stream: StreamState
  /** Loads left until it is trusted. */
  readonly distrust: number
}

/** Events of a stream that is not cached which are read together with those of others; longer ones are loaded alone. */
const FIRST_EVENTS = 500

export function createStreamStates(options: {
  readonly domain: Domain
  readonly store: EventStore
  readonly loader?: LongStreamSource['loader']
  /** Streams kept, the least recently used leaves first. */
  readonly size: number
}): StreamStates {
  const { domain, store, size } = options
  const cache = new LRUCache<string, Cached>({ max: size })

  const keep = (ref: StreamRef, stream: StreamState): void => {
    const known = cache.get(keyOf(ref))
    if (known === undefined || known.stream.version < stream.version) {
      cache.set(keyOf(ref), { stream, distrust: known?.distrust ?? 0 })
    }
  }
  const keepLoaded = (ref: StreamRef, stream: StreamState): void => {
    const known = cache.get(keyOf(ref))
    if (known?.stream.version === stream.version && known.distrust > 0) {
      cache.set(keyOf(ref), { stream, distrust: known.distrust - 1 })
    } else keep(ref, stream)
  }

  // The log is not the one that the cache remembers (a restore under a running server): start over.
  const restart = async (ref: StreamRef): Promise<Loaded> => {
    cache.delete(keyOf(ref))
    const first = { tenant: ref.tenant, stream: ref.stream, after: 0, limit: FIRST_EVENTS }
    const folded = await foldPage(ref, emptyStream(ref.aggregate), (await store.readStreams([first]))[0] ?? [])
    if (folded.kind === 'gap') throw new Error('a stream of the log has a gap')
    return folded
  }

  /** Folds what was read of a stream, and loads it otherwise where that was only its beginning. */
  const foldPage = (ref: StreamRef, start: StreamState, page: readonly StoredEvent[]): Promise<Folded> | Folded => {
    const folded = foldStored(domain, ref.aggregate, start, page)
    const isBeginning = start.version === 0 && page.length === FIRST_EVENTS
    return folded.kind === 'folded' && isBeginning ? loadLongStream(options, ref, page, folded.stream) : folded
  }

  const loadAll = async (refs: readonly StreamRef[]): Promise<readonly Loaded[]> => {
    const starts = refs.map((ref) => cache.get(keyOf(ref))?.stream ?? emptyStream(ref.aggregate))
    const tails = await store.readStreams(
      refs.map((ref, index) => ({
        tenant: ref.tenant,
        stream: ref.stream,
        // One event back: it must be the one that the cached state ends with.
        after: Math.max(0, (starts[index]?.version ?? 0) - 1),
        ...(starts[index]?.version === 0 && { limit: FIRST_EVENTS }),
      })),
    )
    return Promise.all(
      refs.map(async (ref, index) => {
        const folded = await foldPage(ref, starts[index] as StreamState, tails[index] ?? [])
        const loaded = folded.kind === 'gap' ? await restart(ref) : folded
        if (loaded.kind === 'folded') keepLoaded(ref, loaded.stream)
        return loaded
      }),
    )
  }

  return {
    prepare: async (refs) => {
      const unsure = refs.filter((ref) => (cache.get(keyOf(ref))?.distrust ?? 1) > 0)
      if (unsure.length > 0) await loadAll(unsure)
      return new Set(unsure.map(keyOf))
    },
    load: async (ref) => (await loadAll([ref]))[0] as Loaded,
    peek: (ref) => cache.get(keyOf(ref))?.stream,
    advanceTo: keep,
    foundBehind: (ref) => {
      const known = cache.get(keyOf(ref))
      if (known !== undefined) cache.set(keyOf(ref), { ...known, distrust: LOADS_TO_TRUST })
    },
  }
}

export function keyOf(ref: Pick<StreamRef, 'tenant' | 'stream'>): string {
  return `${ref.tenant}\n${ref.stream}`
}
