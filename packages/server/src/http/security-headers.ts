import type { FastifyInstance, FastifyRequest } from 'fastify'

/**
 * What a page of the app may do: load from its own origin and talk to it. No inline script, no `eval`. Inline `style`
 * attributes are allowed since virtual lists place their rows by them.
 */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "script-src 'self'",
  "style-src 'self'",
  "style-src-attr 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "worker-src 'self'",
  "manifest-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ')

export function addSecurityHeaders(app: FastifyInstance): void {
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'DENY',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'permissions-policy': 'camera=(), microphone=(), geolocation=(), payment=()',
      'content-security-policy': CONTENT_SECURITY_POLICY,
    })
  })
}

/**
 * Whether a browser says that another site's page made the request. Tokens travel in a header that no other site can
 * set, so this is the second lock. Callers that are no browsers send neither header.
 */
export function isCrossSite(request: FastifyRequest, allowedOrigins: ReadonlySet<string>): boolean {
  const { origin, host } = request.headers
  if (request.headers['sec-fetch-site'] === 'cross-site' && (origin === undefined || !allowedOrigins.has(origin)))
    return true
  if (origin === undefined || allowedOrigins.has(origin)) return false
  // The scheme is the proxy's business; host and port say whose page it is.
  return !URL.canParse(origin) || new URL(origin).host !== host
}
