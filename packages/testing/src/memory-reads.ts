/**
 * Reading the memory store in pages, and following it.
 */
import {
  nextOf,
  PAGE_DEFAULTS,
  pageRange,
  type LanePage,
  type StoredEvent,
  type StreamPage,
  type StreamPageRead,
  type SubscribeOptions,
  type TypeSubscription,
  type WakeListener,
} from '@tidemark/core'

/** One page of a stream. */
export function streamPage(stream: readonly StoredEvent[], read: StreamPageRead): StreamPage {
  const range = pageRange(read, stream.length)
  if (range === undefined) return { events: [], next: undefined }
  const seen = stream.slice(range.low - 1, range.high)
  const found = read.types === undefined ? seen : seen.filter((event) => read.types?.includes(event.type))
  const limit = Math.max(1, Math.floor(read.limit ?? PAGE_DEFAULTS.limit))
  const events = (read.direction === 'backwards' ? found.toReversed() : found).slice(0, limit)
  return { events, next: nextOf(read, range, stream.length, events) }
}

/** One page of a lane, of some types or of all. */
export function lanePage(
  lane: readonly StoredEvent[],
  options: Pick<TypeSubscription, 'batch' | 'window'> & Partial<Pick<TypeSubscription, 'types'>>,
  after: number,
): LanePage {
  const { types, batch = PAGE_DEFAULTS.limit, window = PAGE_DEFAULTS.window } = options
  const seen = lane.slice(after, after + (types === undefined ? batch : window))
  const found = types === undefined ? seen : seen.filter((event) => types.includes(event.type)).slice(0, batch)
  const isCut = found.length === batch
  return { events: found, upTo: isCut ? (found.at(-1)?.position ?? after) : after + seen.length }
}

/** Pages from `after` on, for ever: waits where a page got no further. */
export async function* follow(
  { after, lane, signal }: SubscribeOptions,
  read: (after: number) => LanePage,
  listen: (listener: WakeListener) => () => void,
): AsyncGenerator<LanePage, void, void> {
  let position = Math.max(0, after)
  let wakeUp = (): void => {}
  const onWake = (woken: number): void => {
    if (woken === lane) wakeUp()
  }
  const onAbort = (): void => wakeUp()
  const stopListening = listen(onWake)
  signal.addEventListener('abort', onAbort)
  try {
    while (!signal.aborted) {
      const page = read(position)
      const isNews = page.upTo > position
      position = page.upTo
      if (isNews) yield page
      // Reading and waiting are one turn, so no append fits between them.
      else await new Promise<void>((resolve) => void (wakeUp = resolve))
    }
  } finally {
    stopListening()
    signal.removeEventListener('abort', onAbort)
  }
}
