import type { AnyAggregate, Domain, EventStore } from '@tidemark/core'
import { LRUCache } from 'lru-cache'
import { emptyStream, foldStored, type Folded, type StreamState } from './stream-state.ts'

export interface StreamRef {
  readonly tenant: string
  readonly stream: string
  readonly aggregate: AnyAggregate
}

export type Loaded = Exclude<Folded, { kind: 'gap' }>

/**
 * The states of recently used streams. A cached state is a true prefix of its stream, never the promise of its end:
 * {@link StreamStates.load} reads what came since, and an append checks the version once more.
 */
export interface StreamStates {
  /** Reads all streams up to their ends: the whole of those not cached, the tails of the others, in one query. */
  load(refs: readonly StreamRef[]): Promise<readonly Loaded[]>
  /** What is known of the stream without asking. */
  peek(ref: StreamRef): StreamState | undefined
  /** Takes over a state that an own append led to. */
  advanceTo(ref: StreamRef, stream: StreamState): void
}

export function createStreamStates(options: {
  readonly domain: Domain
  readonly store: EventStore
  /** Streams kept, the least recently used leaves first. */
  readonly size: number
}): StreamStates {
  const { domain, store, size } = options
  const cache = new LRUCache<string, StreamState>({ max: size })
  const keyOf = (ref: StreamRef): string => `${ref.tenant}\n${ref.stream}`

  const keep = (ref: StreamRef, stream: StreamState): void => {
    const known = cache.get(keyOf(ref))
    if (known === undefined || known.version < stream.version) cache.set(keyOf(ref), stream)
  }

  // The log is not the one that the cache remembers (a restore under a running server): start over.
  const restart = async (ref: StreamRef): Promise<Loaded> => {
    cache.delete(keyOf(ref))
    const [events = []] = await store.readStreams([{ tenant: ref.tenant, stream: ref.stream, after: 0 }])
    const folded = foldStored(domain, ref.aggregate, emptyStream(ref.aggregate), events)
    if (folded.kind === 'gap') throw new Error('a stream of the log has a gap')
    return folded
  }

  return {
    load: async (refs) => {
      if (refs.length === 0) return []
      const starts = refs.map((ref) => cache.get(keyOf(ref)) ?? emptyStream(ref.aggregate))
      const tails = await store.readStreams(
        refs.map((ref, index) => ({
          tenant: ref.tenant,
          stream: ref.stream,
          // One event back: it must be the one that the cached state ends with.
          after: Math.max(0, (starts[index]?.version ?? 0) - 1),
        })),
      )
      return Promise.all(
        refs.map(async (ref, index) => {
          const folded = foldStored(domain, ref.aggregate, starts[index] as StreamState, tails[index] ?? [])
          const loaded = folded.kind === 'gap' ? await restart(ref) : folded
          if (loaded.kind === 'folded') keep(ref, loaded.stream)
          return loaded
        }),
      )
    },
    peek: (ref) => cache.get(keyOf(ref)),
    advanceTo: keep,
  }
}
