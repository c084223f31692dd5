import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Answer } from '../../client/serve-site.ts'

/** The server of a peer, as plain as Node has it: no framework, no authentication, no limits. */
export interface PeerServer {
  readonly url: string
  close(): Promise<void>
}

/** Takes the body, or nothing where there is none; its answer is sent as JSON. */
export type Handler = (body: unknown, parameters: URLSearchParams) => Promise<unknown>

/** Streams of server-sent events. */
export interface Streams {
  join(response: ServerResponse): void
  tell(data: string): void
}

export function createStreams(): Streams {
  const open = new Set<ServerResponse>()
  return {
    join: (response) => {
      open.add(response)
      response.once('close', () => open.delete(response))
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
      response.write(': here\n\n')
    },
    tell: (data) => {
      for (const response of open) response.write(`data: ${data}\n\n`)
    },
  }
}

/** `POST` and `GET` under `/api`; a stream under the path of its own. */
export function answerApi(
  handlers: Readonly<Record<string, Handler>>,
  stream: { readonly path: string; readonly streams: Streams },
): Answer {
  return (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://api')
    if (pathname === stream.path) {
      stream.streams.join(response)
      return true
    }
    const handler = handlers[pathname]
    if (handler === undefined) return false
    readBody(request)
      .then((body) => handler(body, searchParams))
      .then(
        (answer) => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer)),
        (error: unknown) => {
          process.stderr.write(`${pathname}: ${String(error)}\n`)
          response.writeHead(500).end()
        },
      )
    return true
  }
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = []
  request.on('data', (piece: Buffer) => pieces.push(piece))
  await once(request, 'end')
  return pieces.length === 0 ? undefined : JSON.parse(Buffer.concat(pieces).toString())
}
