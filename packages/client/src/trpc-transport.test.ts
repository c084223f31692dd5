import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import type { LiveMessage } from '@tidemark/core'
import { until } from './test-support/device.ts'
import { createTrpcTransport, type TrpcTransportOptions } from './trpc-transport.ts'

const DEVICE = '01900000-0000-7000-8000-000000000001'
const PULL = { protocol: 1, device: DEVICE, cursor: null, projections: {}, awaiting: [] }
const LIVE = { protocol: 1, device: DEVICE, cursor: 'c0', projections: {} }
const never = new AbortController().signal

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) stop(server)
})

/** Lets nobody in and cuts off who is there. */
function stop(server: Server): void {
  server.close()
  server.closeAllConnections()
}

const latest = (): Server => servers.at(-1) as Server

/** A server that answers as tRPC does on the wire. */
async function serve(
  handle: (request: IncomingMessage, response: ServerResponse, body: string) => void,
  options: Partial<TrpcTransportOptions> = {},
) {
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (chunk: string) => (body += chunk))
    request.on('end', () => handle(request, response, body))
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return createTrpcTransport({ url: `http://127.0.0.1:${port}/trpc`, token: () => 'secret', ...options })
}

const reply = (response: ServerResponse, data: unknown): void => {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ result: { data } }))
}
const fail = (response: ServerResponse, httpStatus: number, headers: Record<string, string> = {}): void => {
  response
    .writeHead(httpStatus, { 'content-type': 'application/json', ...headers })
    .end(JSON.stringify({ error: { message: 'no', code: -32_000, data: { code: 'X', httpStatus } } }))
}
const stream = (response: ServerResponse): void => {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.write('event: connected\ndata: {}\n\n')
}

describe('a request', () => {
  test('is posted to its procedure with the token in a header, and its reply is parsed', async () => {
    const seen: unknown[] = []
    const transport = await serve((request, response, body) => {
      seen.push(request.method, request.url, request.headers.authorization, JSON.parse(body))
      reply(response, { kind: 'retry', after: 5, reason: 'overloaded' })
    })
    expect(await transport.pull(PULL, never)).toEqual({ kind: 'retry', after: 5, reason: 'overloaded' })
    expect(seen).toEqual(['POST', '/trpc/sync.pull', 'Bearer secret', PULL])
  })

  test('that is a query asks to hold what was pushed before, and then what an answer held', async () => {
    const asked: unknown[] = []
    const transport = await serve((request, response, body) => {
      if (request.url === '/trpc/sync.push') {
        const answer = { kind: 'accepted', version: 1, token: 't1', rebased: false }
        return reply(response, { kind: 'answers', answers: [{ id: 'c1', answer }], now: '2026-01-01T00:00:00.000Z' })
      }
      asked.push((JSON.parse(body) as { after?: unknown }).after)
      reply(response, { kind: 'answer', output: { sum: 3 }, token: 'a1', stale: false })
    })
    const query = { protocol: 1, query: 'sums', input: {} }
    await transport.query?.(query, never)
    await transport.push({ protocol: 1, device: DEVICE, commands: [] }, never)
    await transport.query?.(query, never)
    expect(await transport.query?.(query, never)).toMatchObject({ kind: 'answer', output: { sum: 3 } })
    expect(asked).toEqual([[], ['a1', 't1'], ['a1']])
  })

  test.each([
    [401, {}, { kind: 'unauthenticated' }],
    [429, { 'retry-after': '3' }, { kind: 'unavailable', after: 3_000 }],
    [503, {}, { kind: 'unavailable', after: 0 }],
    [400, {}, { kind: 'unreadable' }],
  ])('answered with %i is a failure of its own kind', async (status, headers, expected) => {
    const transport = await serve((_request, response) => fail(response, status, headers))
    expect(await transport.push({ protocol: 1, device: DEVICE, commands: [] }, never)).toMatchObject(expected)
  })

  test('answered in another shape is unreadable; an older or newer protocol says so in its own', async () => {
    let data: unknown = { kind: 'something', else: true }
    const transport = await serve((_request, response) => reply(response, data))
    expect(await transport.history({ protocol: 1, stream: 'order/1' }, never)).toMatchObject({ kind: 'unreadable' })
    data = { kind: 'upgrade', protocol: 9 }
    expect(await transport.pull(PULL, never)).toEqual({ kind: 'upgrade', protocol: 9 })
  })

  test('that nothing answers is unreachable: refused, broken off, timed out, aborted', async () => {
    const transport = await serve((request) => request.socket.destroy())
    expect(await transport.pull(PULL, never)).toMatchObject({ kind: 'unreachable' })
    const nowhere = createTrpcTransport({ url: 'http://127.0.0.1:1/trpc', token: () => undefined })
    expect(await nowhere.pull(PULL, never)).toMatchObject({ kind: 'unreachable' })
    stop(latest())
    const silent = await serve(() => undefined, { requestMs: 30 })
    expect(await silent.pull(PULL, never)).toMatchObject({ kind: 'unreachable' })
    const abort = new AbortController()
    const asked = silent.pull(PULL, abort.signal)
    abort.abort()
    expect(await asked).toMatchObject({ kind: 'unreachable' })
  })

  test('that meets a page which is not tRPC at all is a value too, never an exception', async () => {
    const transport = await serve((_request, response) =>
      response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad gateway</h1>'),
    )
    expect(await transport.pull(PULL, never)).toEqual({ kind: 'unavailable', after: 0 })
    stop(latest())
    const portal = await serve((_request, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Welcome to the hotel</h1>'),
    )
    expect(await portal.pull(PULL, never)).toMatchObject({ kind: 'unreadable' })
  })
})

describe('the live stream', () => {
  const beat = { kind: 'beat', now: '2026-01-01T00:00:00.000Z' }

  test('carries messages one at a time, tracked or not, with the token in a header only', async () => {
    const seen: (string | undefined)[] = []
    const transport = await serve((request, response) => {
      seen.push(request.headers.authorization, request.url)
      stream(response)
      response.write(`id: c1\ndata: ${JSON.stringify(beat)}\n\n`)
      response.write(`data: ${JSON.stringify({ kind: 'pull' })}\n\n`)
      response.end('event: return\ndata:\n\n')
    })
    const order: string[] = []
    const end = await transport.live(
      LIVE,
      async (message) => {
        order.push(`${message.kind} in`)
        await Promise.resolve()
        order.push(`${message.kind} out`)
      },
      never,
    )
    expect(end).toEqual({ kind: 'ended' })
    expect(order).toEqual(['beat in', 'beat out', 'pull in', 'pull out'])
    expect(seen[0]).toBe('Bearer secret')
    expect(seen[1]).toContain('/trpc/sync.live')
    expect(seen[1]).not.toContain('secret')
  })

  test('ends when the connection breaks, and is not opened again by itself', async () => {
    let opened = 0
    const transport = await serve((_request, response) => {
      opened += 1
      stream(response)
      response.write(`data: ${JSON.stringify(beat)}\n\n`)
    })
    const messages: LiveMessage[] = []
    const live = transport.live(LIVE, (message) => void messages.push(message), never)
    await until(() => expect(messages).toHaveLength(1))
    latest().closeAllConnections()
    expect(await live).toMatchObject({ kind: 'unreachable' })
    expect(opened).toBe(1)
  })

  test('that carries no byte for too long is given up; tRPC’s own pings keep it', async () => {
    let pings: ReturnType<typeof setInterval> | undefined
    let silent = false
    let sent = 0
    const transport = await serve(
      (_request, response) => {
        stream(response)
        pings = setInterval(() => {
          if (silent) return
          sent += 1
          response.write('event: ping\ndata:\n\n')
        }, 10)
      },
      { inactivityMs: 200 },
    )
    let over = false
    const live = transport.live(LIVE, () => undefined, never).finally(() => (over = true))
    // Twice the time it would take to be given up.
    await until(() => expect(sent).toBeGreaterThan(40))
    expect(over).toBe(false)
    silent = true
    expect(await live).toMatchObject({ kind: 'unreachable', message: 'The live stream fell silent.' })
    clearInterval(pings)
  })

  test('is not silent while a message is being stored', async () => {
    const transport = await serve(
      (_request, response) => {
        stream(response)
        response.write(`data: ${JSON.stringify(beat)}\n\n`)
        response.end('event: return\ndata:\n\n')
      },
      { inactivityMs: 20 },
    )
    const started = performance.now()
    const store = (): Promise<void> => until(() => expect(performance.now() - started).toBeGreaterThan(100))
    expect(await transport.live(LIVE, store, never)).toEqual({ kind: 'ended' })
  })

  test('that a message cannot be stored of ends, and says why', async () => {
    const transport = await serve((_request, response) => {
      stream(response)
      response.write(`data: ${JSON.stringify(beat)}\n\n`)
    })
    const end = await transport.live(LIVE, () => Promise.reject(new Error('no room')), never)
    expect(end).toEqual({ kind: 'unreadable', message: 'no room' })
  })

  test('that fails in the middle is a failure of its own kind', async () => {
    let data: unknown = { code: 'UNAUTHORIZED', httpStatus: 401 }
    const transport = await serve((_request, response) => {
      stream(response)
      response.write(`event: serialized-error\ndata: ${JSON.stringify({ message: 'no', code: -32_001, data })}\n\n`)
    })
    const live = (): Promise<unknown> => transport.live(LIVE, () => undefined, never)
    expect(await live()).toEqual({ kind: 'unauthenticated' })
    data = { httpStatus: 500 }
    expect(await live()).toEqual({ kind: 'unavailable', after: 0 })
    data = null
    expect(await live()).toEqual({ kind: 'unreachable', message: 'no' })
  })

  test('refused with a status is a failure of its own kind', async () => {
    let status = 401
    const transport = await serve((_request, response) => fail(response, status))
    expect(await transport.live(LIVE, () => undefined, never)).toEqual({ kind: 'unauthenticated' })
    status = 503
    expect(await transport.live(LIVE, () => undefined, never)).toEqual({ kind: 'unavailable', after: 0 })
  })

  test('that says something unknown ends as unreadable; aborted it ends at once', async () => {
    const transport = await serve((_request, response) => {
      stream(response)
      response.write('data: {"kind":"what"}\n\n')
    })
    expect(await transport.live(LIVE, () => undefined, never)).toMatchObject({ kind: 'unreadable' })
    stop(latest())
    const quiet = await serve((_request, response) => stream(response))
    const abort = new AbortController()
    const live = quiet.live(LIVE, () => undefined, abort.signal)
    abort.abort()
    expect(await live).toEqual({ kind: 'ended' })
  })
})
