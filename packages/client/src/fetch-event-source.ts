import { createParser } from 'eventsource-parser'

/** Opens the response that a stream is read from. */
export type OpenStream = (url: string, signal: AbortSignal) => Promise<Response>

export interface FetchEventSourceInit {
  readonly open: OpenStream
}

/**
 * Server-sent events over `fetch`: the browser's own `EventSource` can send no `Authorization` header, and a token in a
 * URL ends up in logs. It has the shape that tRPC's subscription link expects and, unlike the browser's, never
 * reconnects by itself: when the stream ends it is closed for good, and the sync loop decides what happens next.
 */
export class FetchEventSource extends EventTarget {
  static readonly CONNECTING = 0
  static readonly OPEN = 1
  static readonly CLOSED = 2
  readonly CONNECTING = 0
  readonly OPEN = 1
  readonly CLOSED = 2
  readyState: 0 | 1 | 2 = 0
  readonly #closing = new AbortController()

  constructor(url: string, init?: FetchEventSourceInit) {
    super()
    const open: OpenStream = init?.open ?? ((target, signal) => fetch(target, { signal }))
    void this.#run(url, open)
  }

  close(): void {
    this.readyState = this.CLOSED
    this.#closing.abort()
  }

  async #run(url: string, open: OpenStream): Promise<void> {
    let message = 'The stream ended.'
    try {
      const response = await open(url, this.#closing.signal)
      if (response.ok && response.body !== null && this.readyState !== this.CLOSED) {
        this.readyState = this.OPEN
        this.dispatchEvent(new Event('open'))
        await this.#read(response.body)
      } else {
        message = `The server answered with status ${response.status}.`
        await response.body?.cancel()
      }
    } catch (error) {
      message = error instanceof Error ? error.message : String(error)
    }
    if (this.readyState === this.CLOSED) return
    this.close()
    this.dispatchEvent(Object.assign(new Event('error'), { message }))
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    let lastEventId = ''
    const parser = createParser({
      onEvent: ({ event, data, id }) => {
        lastEventId = id ?? lastEventId
        if (this.readyState !== this.CLOSED) {
          this.dispatchEvent(new MessageEvent(event ?? 'message', { data, lastEventId }))
        }
      },
    })
    const decoder = new TextDecoder()
    const reader = body.getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done || this.readyState === this.CLOSED) return
      parser.feed(decoder.decode(value, { stream: true }))
    }
  }
}
