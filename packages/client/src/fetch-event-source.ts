/** Opens the response that a stream is read from. */
export type OpenStream = (url: string, signal: AbortSignal) => Promise<Response>

export interface FetchEventSourceInit {
  readonly open: OpenStream
}

/**
 * Server-sent events over `fetch`: the browser's own `EventSource` can send no `Authorization` header, and a token in a
 * URL ends up in logs. It has the shape that tRPC's subscription link expects and, unlike the browser's, never
 * reconnects by itself: when the stream ends it is closed for good, and the sync loop decides what happens next.
 *
 * Parsing follows https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
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
    const parser = createEventParser((type, data, lastEventId) => {
      if (this.readyState !== this.CLOSED) this.dispatchEvent(new MessageEvent(type, { data, lastEventId }))
    })
    const decoder = new TextDecoder()
    const reader = body.getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done || this.readyState === this.CLOSED) return
      parser(decoder.decode(value, { stream: true }))
    }
  }
}

/** Takes the text of an event stream in pieces of any size and hands over each event when it is complete. */
export function createEventParser(
  onEvent: (type: string, data: string, lastEventId: string) => void,
): (chunk: string) => void {
  let rest = ''
  let type = ''
  let data: string[] = []
  let lastEventId = ''

  function takeLine(line: string): void {
    if (line === '') {
      if (data.length > 0) onEvent(type === '' ? 'message' : type, data.join('\n'), lastEventId)
      type = ''
      data = []
      return
    }
    const colon = line.indexOf(':')
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
    if (field === 'event') type = value
    else if (field === 'data') data.push(value)
    else if (field === 'id' && !value.includes('\u0000')) lastEventId = value
  }

  return (chunk) => {
    rest += chunk
    let start = 0
    for (const found of rest.matchAll(/\r\n|\n|\r/g)) {
      const end = found.index + found[0].length
      // A carriage return at the very end may be the first half of a line break.
      if (found[0] === '\r' && end === rest.length) break
      takeLine(rest.slice(start, found.index))
      start = end
    }
    rest = rest.slice(start)
  }
}
