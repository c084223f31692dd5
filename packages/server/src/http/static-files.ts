import { basename, sep } from 'node:path'
import staticFiles from '@fastify/static'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { sendError } from './errors.ts'

/** Files whose names change with their content live there. */
const HASHED = `${sep}assets${sep}`
const YEAR_SECONDS = 31_536_000

/**
 * Serves a built app. Deep links get its `index.html`. The page and the service worker are asked for anew each time,
 * so that a release reaches people with their next visit; hashed files are kept for good.
 */
export async function addStaticFiles(app: FastifyInstance, directory: string): Promise<void> {
  await app.register(staticFiles, {
    root: directory,
    index: ['index.html'],
    cacheControl: false,
    dotfiles: 'deny',
    setHeaders: (reply, path) => {
      reply.header(
        'cache-control',
        path.includes(HASHED) && !path.endsWith('.html')
          ? `public, max-age=${String(YEAR_SECONDS)}, immutable`
          : 'no-cache',
      )
      if (basename(path) === 'sw.js') reply.header('service-worker-allowed', '/')
    },
  })
}

/** Deep links of the app are pages; everything else that is not there is not found. */
export function answerUnknown(request: FastifyRequest, reply: FastifyReply, hasApp: boolean): FastifyReply {
  const path = request.url.split('?', 1)[0] ?? '/'
  const isPage =
    hasApp &&
    (request.method === 'GET' || request.method === 'HEAD') &&
    (request.headers.accept ?? '').includes('text/html') &&
    !isApiPath(path) &&
    !basename(path).includes('.')
  return isPage ? reply.sendFile('index.html') : sendError(reply, 'NOT_FOUND')
}

/** Paths that belong to the server and never to the app. */
export function isApiPath(path: string): boolean {
  return /^\/(?:trpc|dev|livez|readyz|metrics)(?:[/?]|$)/.test(path)
}
