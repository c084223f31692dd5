import { validate } from '@tidemark/core'
import type { FastifyInstance } from 'fastify'
import * as z from 'zod/mini'
import type { DevIssuer } from '../auth/dev-issuer.ts'
import { sendError } from './errors.ts'

const signIn = z.object({
  tenant: z.string().check(z.minLength(1), z.maxLength(128)),
  user: z.string().check(z.minLength(1), z.maxLength(128)),
})

/** `GET /dev/accounts` and `POST /dev/sign-in`: anybody may be anybody. There only where an issuer is given. */
export function addDevRoutes(app: FastifyInstance, issuer: DevIssuer): void {
  app.get('/dev/accounts', async (_request, reply) =>
    reply.header('cache-control', 'no-store').send({ accounts: issuer.accounts }),
  )
  app.post('/dev/sign-in', async (request, reply) => {
    const asked = validate(signIn, parse(request.body))
    if (!asked.ok) return sendError(reply, 'BAD_REQUEST')
    const session = await issuer.signIn(asked.value.tenant, asked.value.user)
    return session === undefined
      ? sendError(reply, 'NOT_FOUND')
      : reply.header('cache-control', 'no-store').send(session)
  })
}

/** Bodies arrive as text. */
function parse(body: unknown): unknown {
  try {
    return typeof body === 'string' ? (JSON.parse(body) as unknown) : undefined
  } catch {
    return undefined
  }
}
