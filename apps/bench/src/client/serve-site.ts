import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { extname, join, normalize } from 'node:path'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
}

/** Answers what is not a page. Returns whether it does. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => boolean

export interface Site {
  readonly url: string
  close(): Promise<void>
}

/** The built pages, and what else is answered, on a port of the loopback. */
export async function serveSite(directory: string, answer: Answer = () => false): Promise<Site> {
  const server = createServer((request, response) => {
    if (answer(request, response)) return
    const path = normalize(new URL(request.url ?? '/', 'http://site').pathname)
    readFile(join(directory, path)).then(
      (content) => response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'text/plain' }).end(content),
      () => response.writeHead(404).end(),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('The site has no port.')
  return {
    url: `http://127.0.0.1:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
