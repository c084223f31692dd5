import { isLogName, nextOf, PAGE_DEFAULTS, pageRange, type StreamPage, type StreamPageRead } from '@tidemark/core'
import type { ArchivedReads } from './archived-reads.ts'

export interface StreamPageSource extends Pick<ArchivedReads, 'readStreams' | 'readStreamTypes'> {
  /** The stream's version, 0 where there is none. */
  readonly head: (of: { readonly tenant: string; readonly stream: string }) => Promise<number>
}

/** Versions have no gaps, so a page of all types is a range of versions, and one of some types is a filtered range. */
export async function readStreamPage(source: StreamPageSource, read: StreamPageRead): Promise<StreamPage> {
  const { tenant, stream, types } = read
  // No stream can have another kind of name.
  const head = isLogName(tenant) && isLogName(stream) ? await source.head({ tenant, stream }) : 0
  const range = pageRange(read, head)
  if (range === undefined) return { events: [], next: undefined }
  const { low, high } = range
  const backwards = read.direction === 'backwards'
  if (types === undefined) {
    const [events = []] = await source.readStreams([{ tenant, stream, after: low - 1, limit: high - low + 1 }])
    const page = backwards ? events.toReversed() : events
    return { events: page, next: nextOf(read, range, head, page) }
  }
  const limit = Math.max(1, Math.floor(read.limit ?? PAGE_DEFAULTS.limit))
  const known = types.filter(isLogName)
  const events = await source.readStreamTypes({ tenant, stream, low, high, types: known, backwards, limit })
  return { events, next: nextOf(read, range, head, events) }
}
